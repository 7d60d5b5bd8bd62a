"""What must be done again and again, and what must not wait for long: the one place that knows the limits.

An app registers its own with `duty(…)` and `wait(…)` when it is loaded; `monitoring/watch.py` holds them against the
heartbeats and the tables. `OUTBOX_HEALTHY` in a project's settings replaces a limit by its name, or takes it away with
None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from .. import settings

OFTEN = timedelta(minutes=10)
"""A duty that runs more seldom is run late when it was missed: see `missed.py`."""
CONSUME = "consume"
"""And the stream and the group: the duty of who reads another service's stream."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is done again and again, and leaves a heartbeat each time."""

    name: str
    """That of its Celery task, when it is one."""
    every: timedelta
    does: str
    is_task: bool = True
    """Whether beat sends it."""

    @property
    def healthy(self) -> timedelta | None:
        """How old its heartbeat may be; None when nobody minds."""
        if self.name in settings.healthy():
            return settings.healthy()[self.name]
        return max(timedelta(seconds=30), 4 * self.every) if self.is_frequent else self.missed_after + OFTEN

    @property
    def is_frequent(self) -> bool:
        return self.every < OFTEN

    @property
    def missed_after(self) -> timedelta:
        """When one that runs seldom was missed: it is asked for then, before it is an alarm."""
        return self.every + max(OFTEN, self.every / 24)


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that waits until a duty comes to it: late when it has waited for too long."""

    name: str
    what: str
    limit: timedelta
    look: Callable[[], timedelta | None]
    """How long the oldest has waited beyond its time; None when none does. One probe of an index."""
    mend: str
    """What to look at when it is too old."""

    @property
    def healthy(self) -> timedelta | None:
        """How old it may be; None when nobody minds."""
        return settings.healthy().get(self.name, self.limit)


DUTIES: dict[str, Duty] = {}
WAITS: dict[str, Wait] = {}


def duty(name: str, every: timedelta, does: str, *, is_task: bool = True) -> None:
    """Have somebody wait for this duty's heartbeats."""
    DUTIES[name] = Duty(name, every, does, is_task)


def wait(name: str, what: str, limit: timedelta, look: Callable[[], timedelta | None], mend: str) -> None:
    """Have somebody mind how long this waits."""
    WAITS[name] = Wait(name, what, limit, look, mend)
