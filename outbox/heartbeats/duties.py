"""The registry of duties (work that must happen again and again) and of waits (work that must not wait too long).

An app registers its own with `register_duty(…)` and `register_wait(…)` when it is loaded. `monitoring/duty_status.py`
compares them with the heartbeats and the tables. `OUTBOX_HEALTHY` in a project's settings changes a limit by its name,
or removes it with None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from .. import settings

OFTEN = timedelta(minutes=10)
"""A duty with a longer interval is run late when it was missed: see `missed.py`."""
CONSUME = "consume"
"""And the stream and the group: the duty of who reads another service's stream."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Work that must happen again and again, and leaves a heartbeat each time."""

    name: str
    """The name of its Celery task, when it is one."""
    every: timedelta
    does: str
    is_task: bool = True
    """Whether beat sends it."""

    @property
    def healthy(self) -> timedelta | None:
        """How old its heartbeat may be; None for no limit."""
        if self.name in settings.healthy():
            return settings.healthy()[self.name]
        return max(timedelta(seconds=30), 4 * self.every) if self.is_frequent else self.missed_after + OFTEN

    @property
    def is_frequent(self) -> bool:
        """Whether its next tick soon replaces one that was missed."""
        return self.every < OFTEN

    @property
    def missed_after(self) -> timedelta:
        """When a duty that runs seldom counts as missed: it is requested then, before it becomes an alarm."""
        return self.every + max(OFTEN, self.every / 24)


@dataclass(frozen=True, slots=True)
class Wait:
    """Work that waits for a duty: late when it has waited too long."""

    name: str
    what: str
    limit: timedelta
    read_age: Callable[[], timedelta | None]
    """Returns how long the oldest has been overdue; None when nothing is. One index read."""
    remedy: str
    """What to check when it is late."""

    @property
    def healthy(self) -> timedelta | None:
        """How long it may be overdue; None for no limit."""
        return settings.healthy().get(self.name, self.limit)


DUTIES: dict[str, Duty] = {}
WAITS: dict[str, Wait] = {}


def register_duty(name: str, every: timedelta, does: str, *, is_task: bool = True) -> None:
    """Expect heartbeats of this duty, one every `every`. `does` completes the sentence "<name> …"."""
    DUTIES[name] = Duty(name, every, does, is_task)


def register_wait(
    name: str, what: str, limit: timedelta, read_age: Callable[[], timedelta | None], remedy: str
) -> None:
    """Raise an alarm when this has been overdue for longer than `limit`."""
    WAITS[name] = Wait(name, what, limit, read_age, remedy)
