"""What a project declares: events, subscribers, versions and schemas. No Django here, and no Celery."""
