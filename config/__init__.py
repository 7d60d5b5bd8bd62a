"""The Django project: settings, URLs, the Celery app, the local stack and the stand-ins."""

from .celery import app as celery_app

__all__ = ["celery_app"]
