"""What a project declares: events, subscribers, versions and schemas. Imports neither Django nor Celery."""
