"""A host project's app: the lab's order as a saga."""
