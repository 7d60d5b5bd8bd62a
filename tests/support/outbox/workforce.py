"""Workers and queues for tests: what a worker would say of itself, and messages that nobody takes."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from django.utils import timezone

from config.celery import app
from outbox import sql
from outbox.models import QueueHead, WorkerProcess
from outbox.sql import Sign

A_MINUTE = timedelta(minutes=1)


def says(name: str = "worker@host-7", queues: tuple[str, ...] = ("events",), **changed: Any) -> None:
    """A worker leaves a sign now: free for a minute, unless `changed` says otherwise."""
    usual: dict[str, Any] = {
        "pid": os.getpid(),
        "release": "1.4",
        "pool": "threads",
        "size": 4,
        "busy": 0,
        "queues": list(queues),
        "begun": 7,
        "quiet_for": 60.0,
        "started_for": 600.0,
        "loop_silent": 0.2,
        "is_connected": True,
        "is_ending": False,
    }
    sql.leave_sign(Sign(name=name, **(usual | changed)))


def fell_silent(name: str = "worker@host-7", span: timedelta = A_MINUTE, *, session: int | None = None) -> None:
    """It left its last sign that long ago; `session`: PostgreSQL's number of its session, by default one that lives."""
    WorkerProcess.objects.filter(pk=name).update(seen_at=timezone.now() - span)
    if session is not None:
        WorkerProcess.objects.filter(pk=name).update(session=session)


def waits_in(queue: str, messages: int = 1) -> None:
    """Messages that wait in the queue of the real broker."""
    for _ in range(messages):
        app.send_task("outbox.watermark", args=(queue, "2026-01-01T00:00:00+00:00"), queue=queue)


def have_waited(span: timedelta = A_MINUTE) -> None:
    """What was seen at the heads of queues was seen that long ago."""
    QueueHead.objects.update(head_since=timezone.now() - span, filled_since=timezone.now() - span)
