"""Crash tests: runs whose real workers are killed at a given point, and what must hold afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.db import transaction

from sagas.models import Attempt, Run

from .gaps import CrashPoint
from .plans import FOLDER, Plans
from .run_inline import ENDED
from .run_report import story

Start = Callable[[], UUID]
"""Starts one run and returns its id. Called within a transaction, so that no worker sees the run too early."""
Invariants = Callable[[Run], None]
"""Raises AssertionError when an invariant of the host does not hold."""
WORKER_MODULE = "sagas.testing.worker_faults"
"""Every Celery worker of the test must import this module (`celery worker -I`), after those that declare sagas."""


@dataclass
class Crashes:
    """The crash tests of one set of workers. `folder` must be empty, and on the machine of the workers.

    Start all runs first and check them afterwards: while one waits for a lease to end, others continue.
    """

    folder: Path
    runs: dict[CrashPoint, UUID] = field(default_factory=dict)
    ended: dict[UUID, int] = field(default_factory=dict)
    """The row version with which each run ended."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables that the workers need."""
        return {FOLDER: str(self.folder)}

    def begin(self, points: Iterable[CrashPoint], start: Start) -> None:
        """Start one run for each crash point."""
        for point in points:
            with transaction.atomic():
                self.runs[point] = start()
                Plans(self.folder).make(self.runs[point], point)

    def settle(self, *, seconds: float = 120, quiet: float = 2) -> None:
        """Wait until every run has ended, at most `seconds`; then wait `quiet` seconds more, for late messages and
        late workers."""
        until = time.monotonic() + seconds
        while Run.objects.filter(pk__in=self.runs.values()).exclude(status__in=ENDED).exists():
            if time.monotonic() > until:
                break
            time.sleep(0.05)
        self.ended = dict(Run.objects.filter(status__in=ENDED).values_list("pk", "row_version"))
        time.sleep(quiet)

    def check(self, point: CrashPoint, invariants: Invariants) -> Run:
        """Check the run of this crash point, after `settle`, and return it.

        Raises AssertionError, with the run's story, when the run has not ended or was changed after its end, when the
        crash never happened, and when `invariants` raises one.
        """
        run = Run.objects.get(pk=self.runs[point])
        backwards = run.attempts.filter(direction=Attempt.Direction.UNDO).exists()
        reached = Plans(self.folder).fired(run.pk) and (backwards or not point.undo)
        for holds, complaint in (
            (run.pk in self.ended, "the run did not end"),
            (self.ended.get(run.pk) == run.row_version, "the run was changed after its end"),
            (not run.attempts.filter(ended_at=None).exists(), "an attempt was left in somebody's hands"),
            (reached, "this point was never reached"),
        ):
            _check(holds, complaint, point, run)
        try:
            invariants(run)
        except AssertionError as error:
            raise AssertionError(f"{point.sentence}\n{error}\n{story(run)}") from error
        return run


def _check(holds: bool, complaint: str, point: CrashPoint, run: Run) -> None:
    if not holds:
        raise AssertionError(f"{point.sentence} And then {complaint}.\n{story(run)}")
