"""Compares heartbeats, and the age of what waits, with the limits: who does not do a duty?"""

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
"""Clocks kept by NTP differ by milliseconds."""


@dataclass(frozen=True, slots=True)
class DutyStatus:
    """One duty and its last heartbeat."""

    duty: Duty
    heartbeat: HeartbeatRow
    is_off: bool
    """A person has switched it off in the admin."""

    @property
    def is_late(self) -> bool:
        """Whether its heartbeat is older than the limit."""
        healthy = self.duty.healthy
        return not self.is_off and healthy is not None and self.heartbeat.silent_for > healthy

    @property
    def has_wrong_clock(self) -> bool:
        """Whether the clock of the process that left the heartbeat is too far from the database's clock."""
        return self.heartbeat.skew is not None and abs(self.heartbeat.skew) > SKEW.total_seconds()

    @property
    def state(self) -> str:
        """late, off, waiting (it never ran and need not have yet), failing, or ok."""
        if self.is_off or self.duty.healthy is None:
            return "off"
        if self.is_late:
            return "late"
        if self.heartbeat.failed_for is not None and self.heartbeat.failed_for < self.heartbeat.silent_for:
            return "failing"
        return "ok" if self.heartbeat.ended_at else "waiting"

    @property
    def words(self) -> str:
        """In a few words: when it last finished, what it found, why it fails, whether it last ran late."""
        left = self.heartbeat
        if self.is_off:
            return "switched off in the admin"
        parts = [f"finished {say(left.silent_for)} ago" if left.ended_at else f"not yet, for {say(left.silent_for)}"]
        if left.found:
            parts.append(left.found)
        if left.failed_for is not None:
            parts.append(f"failed {say(left.failed_for)} ago: {left.error}")
        if left.late_for is not None and left.late_at is not None:
            parts.append(f"ran late on {left.late_at:%Y-%m-%d at %H:%M} UTC, when it had not for {say(left.late_for)}")
        if self.has_wrong_clock:
            parts.append(f"clock {_skew(left.skew or 0)}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class WaitStatus:
    """Something that waits for a duty."""

    wait: Wait
    age: timedelta | None
    """None when nothing waits."""

    @property
    def is_late(self) -> bool:
        """Whether the oldest has been overdue for longer than the limit."""
        return self.age is not None and self.wait.healthy is not None and self.age > self.wait.healthy


@dataclass(frozen=True, slots=True)
class DutyReport:
    """All duties and waits, at one moment."""

    duties: tuple[DutyStatus, ...]
    waits: tuple[WaitStatus, ...]

    @property
    def beat(self) -> DutyStatus | None:
        """Beat's own."""
        return next((one for one in self.duties if one.duty.name == BEAT), None)

    @property
    def stalls(self) -> list[str]:
        """One sentence for each duty that is not done, and for each wait that is too long. Empty when all is well."""
        late = [one for one in self.duties if one.is_late]
        return [*(_silent(one, self.beat) for one in late), *(_too_old(one) for one in self.waits if one.is_late)]

    @property
    def alarms(self) -> list[str]:
        """The stalls, and the clocks that are wrong."""
        return [*self.stalls, *_clocks(self.duties)]


def read_report() -> DutyReport:
    """Every registered duty, each consumer that ever ran, and every registered wait."""
    rows = {row.name: row for row in sql.heartbeats_of(list(DUTIES))}
    known = {**DUTIES, **{name: _consumer(name) for name in rows if name.startswith(f"{CONSUME} ")}}
    off = {task for task, is_sent in beat_schedule.tasks().items() if not is_sent}
    duties = tuple(DutyStatus(one, rows[name], one.is_task and name in off) for name, one in known.items())
    return DutyReport(
        duties, tuple(WaitStatus(one, one.read_age()) for one in WAITS.values() if one.healthy is not None)
    )


def _consumer(name: str) -> Duty:
    return Duty(name, timedelta(seconds=1), "reads the stream of another service", is_task=False)


def _silent(one: DutyStatus, beat: DutyStatus | None) -> str:
    return f"{what_is_late(one)} {why_late(one, beat)}"


def what_is_late(one: DutyStatus) -> str:
    """What the duty does, and for how long it has not done it."""
    text = f"{one.duty.name} {one.duty.does}, and has not finished for {say(one.heartbeat.silent_for)}"
    return f"{text}; at most {say(one.duty.healthy or timedelta(0))} is healthy."


def why_late(one: DutyStatus, beat: DutyStatus | None) -> str:
    """The most likely reason why the duty is not done."""
    if one.heartbeat.failed_for is not None:
        return f"It fails: {one.heartbeat.error}"
    if one.duty.name == BEAT:
        return "Does beat run? If it is frozen, end it and start it again."
    if one.duty.name.startswith(CONSUME):
        return f"Does its `manage.py consume` run? If it is not needed: `manage.py outbox forget '{one.duty.name}'`."
    if not one.duty.is_task:
        return "Does beat run with a worker for outbox.relay, or `manage.py relay`?"
    if beat is not None and beat.is_late:
        return f"Nothing sends it: beat has been silent for {say(beat.heartbeat.silent_for)}."
    return "Beat runs: does a worker take this task's queue?"


def _too_old(one: WaitStatus) -> str:
    return f"{what_waits(one)} {one.wait.remedy}"


def what_waits(one: WaitStatus) -> str:
    """What has waited for how long."""
    text = f"{one.wait.what} has waited for {say(one.age or timedelta(0))}"
    return f"{text}; at most {say(one.wait.healthy or timedelta(0))} is healthy."


def _clocks(duties: tuple[DutyStatus, ...]) -> Iterator[str]:
    """One sentence for each process, however many duties it does."""
    seen: set[str] = set()
    for one in duties:
        if one.has_wrong_clock and one.heartbeat.process not in seen and not one.is_late:
            seen.add(one.heartbeat.process)
            yield (
                f"The clock of {one.heartbeat.process}, which does {one.duty.name}, "
                f"{_skew(one.heartbeat.skew or 0)}. Ticks "
                "expire too early when beat's clock is too far behind: let NTP set it."
            )


def _skew(seconds: float) -> str:
    way = "ahead of" if seconds > 0 else "behind"
    return f"is {say(timedelta(seconds=seconds))} {way} the database's"
