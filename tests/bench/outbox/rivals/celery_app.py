"""django-celery-outbox's Celery app."""

from __future__ import annotations

import os

from django_celery_outbox import OutboxCelery

from tests.bench.outbox.event import STREAM

app = OutboxCelery("bench", broker=os.environ["REDIS_URL"])
app.conf.task_default_queue = STREAM
