"""One list of lights: what stands still, what that means, what to do, and since when.

The admin's front page, `/healthz` (the titles alone, which name no host), `manage.py saga status` and the alerts read
it. A light of tone `bad` is for a person now; `wait` may pass by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from outbox.messages.durations import say
from outbox.monitoring import alarms, duty_status, health, queues
from outbox.monitoring.alarms import bounded
from outbox.monitoring.destination_status import DestinationStatus
from outbox.monitoring.duty_status import DutyReport
from outbox.monitoring.queues import QueueStatus, Workforce
from outbox.monitoring.workers import WorkerStatus

from . import canary


@dataclass(frozen=True, slots=True)
class Light:
    """Something that a person should know. `tone` is a class of desk.css: bad or wait."""

    name: str
    """For programs: it stays the same while the light is on, such as `worker.frozen` or `duty.sagas.sweep`."""
    tone: str
    title: str
    """A few words that name no host."""
    means: str
    do: str
    since: timedelta | None = None
    """For how long, as far as is known."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that is watched, at one moment."""

    lights: tuple[Light, ...]
    """The worst first; empty when all is well."""
    workforce: Workforce
    canary_age: timedelta | None

    @property
    def is_bad(self) -> bool:
        """Whether a person must act."""
        return any(light.tone == "bad" for light in self.lights)

    @property
    def releases(self) -> str:
        """How many workers that take messages run each release, such as `3 of 1.4, 1 of 1.3`; empty for none."""
        found: dict[str, int] = {}
        for one in self.workforce.workers:
            if one.is_working:
                found[one.row.release] = found.get(one.row.release, 0) + 1
        return ", ".join(f"{count} of {name or 'no named release'}" for name, count in sorted(found.items()))


def read() -> Watch:
    """Ask the database and the broker how everything stands."""
    workforce, outbox = queues.read(), health.status()
    lights = [*of_workforce(workforce), *_of_duties(outbox.duty_report), *_of_destinations(outbox.destinations)]
    return Watch(tuple(_worst_first(lights)), workforce, canary.age())


def of_workforce(workforce: Workforce) -> list[Light]:
    """The lights of workers and queues alone."""
    lights = [*_of_workers(workforce.workers), *_of_queues(workforce)]
    return _worst_first(lights)


def _worst_first(lights: Iterable[Light]) -> list[Light]:
    return sorted(lights, key=lambda light: light.tone != "bad")


@dataclass(frozen=True, slots=True)
class _Fault:
    """A state of a worker that is a light: its tone, its title behind `1 worker is`, its meaning and its remedy."""

    tone: str
    title: str
    means: str
    do: str


_FAULTS = {
    "frozen": _Fault(
        "bad",
        "frozen",
        "The process or its loop stands still, and keeps what it has in hand: its steps go on when their leases end.",
        "Kill it (SIGKILL) and start it again. A machine that swaps, or a debugger, stops a process too.",
    ),
    "deaf": _Fault(
        "bad",
        "deaf",
        "It lives and is free, and takes no message although some wait in its queues.",
        "Start it again. If that happens again, look at its connection to the broker.",
    ),
    "cut off": _Fault(
        "bad",
        "cut off from the broker",
        "It lives and cannot reach the broker, so that it takes no message.",
        "Does the broker run, and can the worker's machine reach it? The worker tries again by itself.",
    ),
    "lost": _Fault(
        "wait",
        "lost",
        "It gave no more signs, and did not say that it stops: it was killed, or its machine is gone. Its steps go on "
        "when their leases end.",
        "If another took its place, nothing: it is forgotten after a day, or by `manage.py outbox forget`.",
    ),
}


def _of_workers(workers: Iterable[WorkerStatus]) -> Iterator[Light]:
    """A light for each state that is one, whatever the number of workers in it."""
    for state, fault in _FAULTS.items():
        ill = [one for one in workers if one.state == state]
        if ill:
            verb = "1 worker is" if len(ill) == 1 else f"{len(ill)} workers are"
            which = ", ".join(_named(one) for one in ill)
            since = max(one.for_how_long for one in ill)
            name = f"worker.{state.replace(' ', '_')}"
            yield Light(name, fault.tone, f"{verb} {fault.title}", f"{which}. {fault.means}", fault.do, since)


def _named(one: WorkerStatus) -> str:
    """`worker@host (release 1.4, for 32 s, at 3 of 16 tasks, takes events, sagas)`."""
    row = one.row
    release = f"release {row.release}, " if row.release else ""
    work = f"at {row.busy} of {row.size} tasks, takes {', '.join(row.queues) or 'nothing'}"
    return f"{row.name} ({release}for {say(one.for_how_long)}, {work})"


def _of_queues(workforce: Workforce) -> Iterator[Light]:
    if workforce.broker_error:
        yield Light(
            "broker.away",
            "bad",
            "The broker does not answer",
            f"Runs and messages wait in PostgreSQL, and nothing is lost: {workforce.broker_error}",
            "Start the broker, or look at the network. What waits goes on by itself.",
        )
    for one in workforce.queues:
        if one.is_unattended:
            yield _unattended(one, [w for w in workforce.workers if one.name in w.row.queues])
        elif one.is_behind:
            yield Light(
                f"queue.behind.{one.name}",
                "wait",
                f"The queue {one.name} is behind",
                f"{_waiting(one)}, and {_workers(one.workers)} it.",
                "Start more workers for it, or give them more threads.",
                one.waited,
            )


def _unattended(one: QueueStatus, ill: list[WorkerStatus]) -> Light:
    """`ill`: the workers that would take its messages."""
    filled = one.filled or timedelta(0)
    do = f"Start a worker with `--queues {one.name}`, or add it to the queues of one that runs."
    if ill:
        do = f"Who takes it is {' and '.join(sorted({w.state for w in ill}))}: see to that, or start another worker."
    return Light(
        f"queue.unattended.{one.name}",
        "bad" if filled > queues.UNATTENDED else "wait",
        f"Nobody works the queue {one.name}",
        f"{_waiting(one)}, and no worker that lives takes messages from it.",
        do,
        filled,
    )


def _waiting(one: QueueStatus) -> str:
    waits = f"{one.depth} message{'s wait' if one.depth != 1 else ' waits'}"
    return ", the oldest ".join(filter(None, (waits, oldest(one))))


def oldest(one: QueueStatus) -> str:
    """For how long its oldest message has waited, in words, such as `for 3 min`; empty when none is known."""
    if one.oldest is not None:
        return f"for {say(one.oldest)}"
    return "" if one.seen is None else f"for an unknown time, at least {say(one.seen)}"


def _workers(count: int) -> str:
    return "1 worker takes" if count == 1 else f"{count} workers take"


def _of_duties(report: DutyReport) -> Iterator[Light]:
    """Beat, the relays, the consumers, the sweep and all others that leave heartbeats, and what waits for them."""
    for one in report.duties:
        if one.is_late:
            name, silent = one.duty.name, one.heartbeat.silent_for
            means, do = duty_status.what_is_late(one), duty_status.why_late(one, report.beat)
            yield Light(f"duty.{name}", "bad", f"{name} is not done", means, do, silent)
    for wait in report.waits:
        if wait.is_late:
            what, means = wait.wait.what, duty_status.what_waits(wait)
            yield Light(f"wait.{wait.wait.name}", "bad", f"{what} is overdue", means, wait.wait.remedy, wait.age)


def _of_destinations(destinations: Iterable[DestinationStatus]) -> Iterator[Light]:
    for one in destinations:
        found = alarms.stalls([one])
        if found:
            means = f"{bounded(one.depth)} messages wait. {' '.join(found)}"
            title = f"Messages to {one.name} do not move"
            yield Light(f"outbox.{one.name}", "bad", title, means, "`manage.py outbox status` says more.", one.oldest)
