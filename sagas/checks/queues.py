"""The engine's tasks are routed to queues that exist."""

from __future__ import annotations

from django.core.checks import CheckMessage, register

from outbox.checks.queues import queue_problems

from .. import tasks as tasks


@register("sagas")
def check_queues(**_: object) -> list[CheckMessage]:
    """The same check as the outbox's, for the tasks of the engine."""
    return queue_problems("sagas.")
