"""What a test expects of a run. A failed expectation prints the run's story."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from django.db.models import QuerySet

from outbox.testing import published
from sagas.declare.each import EachStep
from sagas.declare.step import Step
from sagas.models import Attempt, Child, Run, RunStatus, StepStatus

from .fake_participants import FakeParticipants, played_steps
from .run_report import story


class Expectations(ABC):
    """The expectations of a scenario. The first one plays it; each raises AssertionError with the run's story."""

    stage: FakeParticipants

    @property
    @abstractmethod
    def run(self) -> Run:
        """The run at the end of the story."""

    def expect_completed(self) -> Self:
        """Every step is done, and nothing was undone."""
        self._ends_as(RunStatus.COMPLETED)
        self._check(not self.stage.undone, f"something was undone: {_list(self.stage.undone)}")
        return self

    def expect_undone(self, *steps: Step[Any, Any]) -> Self:
        """The run ended undone: exactly these steps were undone, each before those that it comes after, and nothing is
        left applied.

        Name the steps in any order, without those that say `undo=None`.
        """
        self._ends_as(RunStatus.COMPENSATED)
        names = [step.name for step in reversed(played_steps(self.stage.saga)) if step in steps]
        found = self.stage.undone
        wrong = sorted(found) != sorted(names) or self._undone_too_soon()
        self._check(not wrong, f"undone should be, in this order, {_list(names)}; it was {_list(found)}")
        left = [step.name for step in played_steps(self.stage.saga) if self.stage.is_applied(step) and step.has_undo]
        self._check(not left, f"nothing should be left applied, but {_list(left)} is")
        return self

    def expect_passed_over(self, *steps: Step[Any, Any]) -> Self:
        """Exactly these steps of best effort failed, and the run went on without them. Name them in any order."""
        wanted = [step.name for step in self.stage.saga.steps if step in steps]
        rows = self.run.steps.filter(status=StepStatus.PASSED_OVER).order_by("position")
        found = list(rows.values_list("name", flat=True))
        self._check(found == wanted, f"passed over should be {_list(wanted)}; it was {_list(found)}")
        return self

    def expect_stuck(self, *, code: str | None = None, at: Step[Any, Any] | None = None) -> Self:
        """The run, or one that it has started, is stuck, with this code and at this step, where they are given."""
        run = self._family().filter(status=RunStatus.STUCK).order_by("pk").first() or self.run
        found = RunStatus(run.status)
        self._check(found == RunStatus.STUCK, f"the run should end stuck; it is {found.label}")
        self._check(code in (None, run.code), f"it should be stuck for {code}, not for {run.code}")
        here = run.steps.get(position=run.position).name
        self._check(at is None or at.name == here, f"it should be stuck at {at and at.name}, not at {here}")
        return self

    def expect_attempts(self, step: Step[Any, Any], times: int) -> Self:
        """The step had so many attempts, those of lost workers and during outages included."""
        return self._tried(step, Attempt.Direction.FORWARD, times)

    def expect_undo_attempts(self, step: Step[Any, Any], times: int) -> Self:
        """The undo of the step had so many attempts."""
        return self._tried(step, Attempt.Direction.UNDO, times)

    def expect_published(self, event_type: type[Any], *events: Any, key: str | None = None) -> Self:
        """Exactly these events of this type were published, oldest first; without `events`, one or more.

        With `key`, only events of that key count; otherwise all in the test's database.
        """
        _, found = self.run, published(event_type, key=key)  # the run first: it plays the story
        held = found == list(events) if events else bool(found)
        self._check(held, f"{event_type.__name__} should be published, {list(events) or 'once or more'}; was {found}")
        return self

    def expect_nothing_published(self, event_type: type[Any], *, key: str | None = None) -> Self:
        """No event of this type was published."""
        _, found = self.run, published(event_type, key=key)
        self._check(not found, f"no {event_type.__name__} should be published; there is {found}")
        return self

    def _ends_as(self, status: RunStatus) -> None:
        found = RunStatus(self.run.status)
        self._check(found == status, f"the run should end {status.label}; it is {found.label}")

    def _tried(self, step: Step[Any, Any], direction: Attempt.Direction, times: int) -> Self:
        made = Attempt.objects.filter(run__in=self._family(), step=step.name, direction=direction)
        if isinstance(step, EachStep):  # of the run itself is the step that starts the items
            made = made.exclude(run=self.run)
        found = made.count()
        self._check(found == times, f"{direction.label} {step.name} should be tried {times} times; it was {found}")
        return self

    def _family(self) -> QuerySet[Run]:
        """The run, and those that it has started, and they."""
        ids = [self.run.pk]
        for parent in ids:
            ids += Child.objects.filter(parent=parent).values_list("run", flat=True)
        return Run.objects.filter(pk__in=ids)

    def _undone_too_soon(self) -> bool:
        """Whether a step was undone before another one that comes after it."""
        steps = {step.name: step for step in played_steps(self.stage.saga)}
        undone = self.stage.undone
        return any(
            name in steps and steps[later].saga is steps[name].saga and name in steps[later].saga.before[later]
            for number, name in enumerate(undone)
            for later in undone[number + 1 :]
        )

    def _check(self, holds: bool, complaint: str) -> None:
        if not holds:
            raise AssertionError(f"{complaint[0].upper()}{complaint[1:]}.\n{story(self.run)}")


def _list(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
