"""The engine's tasks go to queues that the settings name."""

from __future__ import annotations

from django.core.checks import CheckMessage, register

from outbox.checks.queues import queue_problems

from .. import tasks as tasks


@register("sagas")
def check_queues(**_: object) -> list[CheckMessage]:
    """As the outbox checks its own."""
    return queue_problems("sagas.")
