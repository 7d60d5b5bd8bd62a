"""Checks that something runs the relay and the prune, and that relays can hear the doorbell."""

from __future__ import annotations

from django.conf import settings as project
from django.core.checks import CheckMessage, Error, Info, Warning, register

from .. import settings
from ..heartbeats import beat_schedule

TRACE = "outbox.middleware.TraceMiddleware"


@register("outbox")
def check_running(**_: object) -> list[CheckMessage]:
    """All checks of this module."""
    return [*_doorbell(), *_relay(), *_prune()]


@register("outbox")
def check_middleware(**_: object) -> list[CheckMessage]:
    """A project may do without, but should know."""
    if not getattr(project, "ROOT_URLCONF", None) or TRACE in project.MIDDLEWARE:
        return []
    text = "Requests have no id of ours: what a message was caused by cannot be followed back to one."
    return [Info(text, hint=f'Put "{TRACE}" first in MIDDLEWARE.', id="outbox.I029")]


def _doorbell() -> list[CheckMessage]:
    if settings.redis_url():
        return []
    text = "There is no doorbell: messages wait for beat's next tick."
    return [Warning(text, hint="Set OUTBOX_REDIS_URL to a redis:// address.", id="outbox.W001")]


def _relay() -> list[CheckMessage]:
    by = settings.relay_by()
    if by not in ("beat", "command"):
        hint = 'Say "beat" (the task outbox.relay each second) or "command" (manage.py relay).'
        return [Error(f"OUTBOX_RELAY is {by!r}.", hint=hint, id="outbox.E006")]
    if by == "command" or _beats("outbox.relay"):
        return []
    text = "Nothing runs the relay: messages are written and never published."
    hint = (
        "Have beat run the task outbox.relay each second: add it to CELERY_BEAT_SCHEDULE. Or run `manage.py relay`, "
        'and say so: OUTBOX_RELAY = "command".'
    )
    return [Warning(text, hint=hint, id="outbox.W003")]


def _prune() -> list[CheckMessage]:
    if _beats("outbox.prune"):
        return []
    text = "Nothing runs outbox.prune: the history grows forever, and the next days get no partitions."
    hint = "Have beat run the task outbox.prune each hour: add it to CELERY_BEAT_SCHEDULE."
    return [Warning(text, hint=hint, id="outbox.W005")]


def _beats(task: str) -> bool:
    return any(entry.get("task") == task for entry in beat_schedule.entries().values())
