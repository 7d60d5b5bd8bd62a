"""The engine's metrics, read from PostgreSQL when they are asked for.

What has ended is read from the tally, which counts it every ten seconds and keeps what is pruned. What is open is
counted by its indexes, up to COUNTED. Labels are names of sagas, steps and participants that the code declares, and
statuses and outcomes: their number does not grow with the runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from outbox.monitoring.samples import Histogram, Kind, Metric

from ..declare import registry
from ..models import Attempt, Breaker, RunStatus, Tally
from ..participants.configured import declared
from ..sql import gauges, tally

COUNTED = 10_000
"""Open runs that are counted of each status, and of each participant that is waited for."""
CANARY = "canary"
"""The saga that a project runs again and again to see that runs still complete, if it has one of that name."""
OPEN = (RunStatus.RUNNING, RunStatus.UNDOING, RunStatus.STUCK)
Found = dict[tuple[str, ...], Any]


def metrics() -> Iterator[Metric]:
    """All of them. Raises the database's errors."""
    yield from _open_runs()
    yield from _participants()
    ever = Ever(tuple(Ended(*row) for row in tally.fetch(tally.EVER, {})))
    yield from ever.runs()
    yield from ever.attempts()
    yield from _ages(ever)


# --- How it stands -------------------------------------------------------------------------------------------------


def _open_runs() -> Iterator[Metric]:
    bound = {"counted": COUNTED}
    runs: Found = {(saga.name, status.value): 0 for saga in registry.all_sagas() for status in OPEN}
    runs |= {(name, status): number for name, status, number in gauges.fetch(gauges.OPEN_RUNS, bound)}
    yield Metric(
        "saga_runs",
        Kind.GAUGE,
        "Open runs, up to 10000 of each status; stuck: they need an operator.",
        ("saga", "status"),
        runs,
    )
    yield Metric(
        "saga_runs_ready",
        Kind.GAUGE,
        "Runs that wait for any worker, up to 10000.",
        (),
        {(): gauges.fetch(gauges.READY, bound)[0][0]},
    )
    yield Metric(
        "saga_oldest_on_desk_seconds",
        Kind.GAUGE,
        "The age of the oldest run that needs an operator; 0 when none does.",
        (),
        {(): gauges.fetch(gauges.OLDEST_ON_DESK, {})[0][0] or 0.0},
    )


def _participants() -> Iterator[Metric]:
    known = dict.fromkeys(declared(), Breaker.State.CLOSED.value) | dict(gauges.fetch(gauges.BREAKERS, {}))
    yield Metric(
        "saga_breaker_state",
        Kind.GAUGE,
        "1 for the state that a participant's circuit breaker is in; open: its calls are held.",
        ("participant", "state"),
        {(name, state.value): float(state == now) for name, now in known.items() for state in Breaker.State},
    )
    waiting: Found = {(name,): 0 for name in known}
    waiting |= {(name,): number for name, number in gauges.fetch(gauges.WAITING, {"counted": COUNTED})}
    yield Metric(
        "saga_runs_waiting",
        Kind.GAUGE,
        "Runs that wait for a participant to come back, up to 10000.",
        ("participant",),
        waiting,
    )


# --- What has ended ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ended:
    """One row of the tally. `name`: the step."""

    kind: str
    saga: str
    name: str
    outcome: str
    count: int
    retries: int
    seconds: float
    buckets: list[int]
    last_at: Any


@dataclass(frozen=True)
class Ever:
    """All that the tally has ever counted."""

    rows: tuple[Ended, ...]

    @cached_property
    def _runs(self) -> list[Ended]:
        return [row for row in self.rows if row.kind == Tally.Kind.RUN]

    @cached_property
    def _attempts(self) -> list[Ended]:
        return [row for row in self.rows if row.kind != Tally.Kind.RUN]

    def runs(self) -> Iterator[Metric]:
        by_status = ("saga", "status")
        counts: Found = {(row.saga, row.outcome): row.count for row in self._runs}
        took: Found = {(row.saga, row.outcome): _histogram([row]) for row in self._runs}
        yield Metric("saga_runs_ended_total", Kind.COUNTER, "Runs that ended.", by_status, counts)
        yield Metric("saga_run_seconds", Kind.HISTOGRAM, "From a run's start to its end.", by_status, took)

    def attempts(self) -> Iterator[Metric]:
        counts: Found = {(row.saga, row.name, row.kind, row.outcome): row.count for row in self._attempts}
        yield Metric(
            "saga_attempts_total",
            Kind.COUNTER,
            "Attempts of a step or of its undo that ended.",
            ("saga", "step", "kind", "outcome"),
            counts,
        )
        took: dict[tuple[str, ...], list[Ended]] = {}
        for row in self._attempts:
            if row.outcome != Attempt.Outcome.LOST:  # it ended when another worker found out
                took.setdefault((row.saga, row.name, row.kind), []).append(row)
        yield Metric(
            "saga_attempt_seconds",
            Kind.HISTOGRAM,
            "How long an attempt took, without those whose worker was lost.",
            ("saga", "step", "kind"),
            {labels: _histogram(rows) for labels, rows in took.items()},
        )
        yield Metric(
            "saga_retries_total",
            Kind.COUNTER,
            "Attempts that were not the first of their step or undo, by the participant that was called.",
            ("participant",),
            self._retries(),
        )

    def _retries(self) -> Found:
        calls = participants_of_steps()
        retries: Counter[tuple[str, ...]] = Counter({(name,): 0 for name in declared()})
        for row in self._attempts:
            if participant := calls.get((row.saga, row.name)):
                retries[participant,] += row.retries
        return dict(retries)

    @property
    def canary(self) -> Any:
        """When the last canary completed; None when there is none."""
        completed = (row for row in self._runs if (row.saga, row.outcome) == (CANARY, RunStatus.COMPLETED))
        return next((row.last_at for row in completed), None)


def participants_of_steps() -> dict[tuple[str, str], str]:
    """Which participant a saga's step calls, by its newest version; steps that call none are missing."""
    return {
        (saga.name, step.name): step.participant
        for saga in registry.all_sagas()
        for step in saga.steps
        if step.participant
    }


def _ages(ever: Ever) -> Iterator[Metric]:
    rows = tally.fetch(tally.AGE, {"canary": ever.canary})
    age, canary = rows[0] if rows else (None, None)
    says = "Since what has ended was last counted; missing before the first time."
    yield Metric("saga_tally_age_seconds", Kind.GAUGE, says, (), {} if age is None else {(): age})
    says = f"Since a run of the saga {CANARY} last completed; missing while none has."
    yield Metric("saga_canary_age_seconds", Kind.GAUGE, says, (), {} if canary is None else {(): canary})


def _histogram(rows: list[Ended]) -> Histogram:
    counts = tuple(map(sum, zip(*(row.buckets for row in rows), strict=True)))
    return Histogram(tally.BOUNDS, counts, sum(row.seconds for row in rows))
