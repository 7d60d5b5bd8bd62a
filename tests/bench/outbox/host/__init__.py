"""A host project's app: the event that the bench publishes, and who listens to it when Celery carries it."""
