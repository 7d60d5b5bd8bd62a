"""A host project's app: the bench's sagas and their events."""
