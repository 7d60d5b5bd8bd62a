"""The engine's tasks are routed to queues that exist."""

from __future__ import annotations

from django.core.checks import CheckMessage, register

from outbox.checks.queues import queue_problems, unrouted

from .. import tasks as tasks
from ..schedule import ROUTES


@register("sagas")
def check_queues(**_: object) -> list[CheckMessage]:
    """The same check as the outbox's, for the tasks of the engine."""
    return queue_problems("sagas.")


@register("sagas")
def check_routes(**_: object) -> list[CheckMessage]:
    """As the outbox looks for the routes of its own."""
    return unrouted(name for name in ROUTES if name.startswith("sagas."))
