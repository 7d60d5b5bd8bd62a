"""What a project declares: sagas, steps and participants. No Django here, and no Celery."""
