"""Does everybody still do what they must? The heartbeats and the oldest of what waits, held against the limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from .. import sql
from ..heartbeats import beat_schedule
from ..heartbeats.beat import DUTY as BEAT
from ..heartbeats.duties import CONSUME, DUTIES, WAITS, Duty, Wait
from ..messages.durations import say
from ..sql import HeartbeatRow

SKEW = timedelta(seconds=5)
"""Clocks that are kept by NTP differ by milliseconds."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One duty, and what it last left."""

    duty: Duty
    left: HeartbeatRow
    is_off: bool
    """Somebody has switched it off in the admin."""

    @property
    def is_late(self) -> bool:
        healthy = self.duty.healthy
        return not self.is_off and healthy is not None and self.left.silent_for > healthy

    @property
    def is_off_the_clock(self) -> bool:
        """Whether the clock of the process that left it is too far from the database's."""
        return self.left.skew is not None and abs(self.left.skew) > SKEW.total_seconds()

    @property
    def state(self) -> str:
        """late, off, waiting (it never ran, and need not have yet), failing, or ok."""
        if self.is_off or self.duty.healthy is None:
            return "off"
        if self.is_late:
            return "late"
        if self.left.failed_for is not None and self.left.failed_for < self.left.silent_for:
            return "failing"
        return "ok" if self.left.ended_at else "waiting"

    @property
    def words(self) -> str:
        """In a few words: when it last finished, what it found, why it fails, whether it last ran late."""
        left = self.left
        if self.is_off:
            return "switched off in the admin"
        told = [f"finished {say(left.silent_for)} ago" if left.ended_at else f"not yet, for {say(left.silent_for)}"]
        if left.found:
            told.append(left.found)
        if left.failed_for is not None:
            told.append(f"failed {say(left.failed_for)} ago: {left.error}")
        if left.late_for is not None and left.late_at is not None:
            told.append(f"ran late on {left.late_at:%Y-%m-%d at %H:%M} UTC, when it had not for {say(left.late_for)}")
        if self.is_off_the_clock:
            told.append(f"clock {_skew(left.skew or 0)}")
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class Waited:
    """Something that waits for a duty."""

    wait: Wait
    age: timedelta | None
    """None when nothing does."""

    @property
    def is_late(self) -> bool:
        return self.age is not None and self.wait.healthy is not None and self.age > self.wait.healthy


@dataclass(frozen=True, slots=True)
class Watch:
    """All of them, as of now."""

    duties: tuple[Watched, ...]
    waits: tuple[Waited, ...]

    @property
    def stalls(self) -> list[str]:
        """Who does not do what they must, and what waits for them, a sentence each. Empty when all is well."""
        beat = next((one for one in self.duties if one.duty.name == BEAT), None)
        late = [one for one in self.duties if one.is_late]
        return [*(_silent(one, beat) for one in late), *(_too_old(one) for one in self.waits if one.is_late)]

    @property
    def alarms(self) -> list[str]:
        """Those, and clocks that are off."""
        return [*self.stalls, *_clocks(self.duties)]


def look() -> Watch:
    """Every duty that is registered, and each consumer that has ever run; and what waits."""
    rows = {row.name: row for row in sql.heartbeats_of(list(DUTIES))}
    known = {**DUTIES, **{name: _consumer(name) for name in rows if name.startswith(f"{CONSUME} ")}}
    off = {task for task, is_sent in beat_schedule.tasks().items() if not is_sent}
    duties = tuple(Watched(one, rows[name], one.is_task and name in off) for name, one in known.items())
    return Watch(duties, tuple(Waited(one, one.look()) for one in WAITS.values() if one.healthy is not None))


def _consumer(name: str) -> Duty:
    return Duty(name, timedelta(seconds=1), "reads the stream of another service", is_task=False)


def _silent(one: Watched, beat: Watched | None) -> str:
    healthy = one.duty.healthy or timedelta(0)
    told = f"{one.duty.name} {one.duty.does}, and has not finished for {say(one.left.silent_for)}"
    return f"{told}; at most {say(healthy)} is healthy. {_why(one, beat)}"


def _why(one: Watched, beat: Watched | None) -> str:
    """What most likely keeps it."""
    if one.left.failed_for is not None:
        return f"It fails: {one.left.error}"
    if one.duty.name == BEAT:
        return "Does beat run? It may be frozen: then end it and start it again."
    if one.duty.name.startswith(CONSUME):
        return f"Does its `manage.py consume` run? If it shall not: `manage.py outbox forget '{one.duty.name}'`."
    if not one.duty.is_task:
        return "Does beat run with a worker for outbox.relay, or `manage.py relay`?"
    if beat is not None and beat.is_late:
        return f"Nobody sends it: beat is silent for {say(beat.left.silent_for)}."
    return "Beat lives: does a worker take the queue of this task?"


def _too_old(one: Waited) -> str:
    healthy = one.wait.healthy or timedelta(0)
    told = f"{one.wait.what} has waited for {say(one.age or timedelta(0))}"
    return f"{told}; at most {say(healthy)} is healthy. {one.wait.mend}"


def _clocks(duties: tuple[Watched, ...]) -> Iterator[str]:
    """A process once, whatever it does."""
    seen: set[str] = set()
    for one in duties:
        if one.is_off_the_clock and one.left.process not in seen and not one.is_late:
            seen.add(one.left.process)
            yield (
                f"The clock of {one.left.process}, which does {one.duty.name}, {_skew(one.left.skew or 0)}. Ticks that "
                "expire are thrown away when beat's clock is too far behind: have NTP keep it."
            )


def _skew(seconds: float) -> str:
    way = "ahead of" if seconds > 0 else "behind"
    return f"is {say(timedelta(seconds=seconds))} {way} the database's"
