"""The project: settings, URLs, the Celery app, and the local stack."""

from .celery import app as celery_app

__all__ = ["celery_app"]
