"""A host project's app: sagas with branches, with items, and with waits."""
