"""given, when, expect: what happens to one run, and how it must end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar
from uuid import UUID, uuid4

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Now

from outbox.messages import codec
from sagas import Saga, desk
from sagas.declare.step import Step
from sagas.models import Run, RunStatus, StepStatus, Ticket

from .clock import time_passes
from .errors import ScenarioError, Unplayable
from .expectations import Expectations
from .fake_participants import FakeParticipants, played_steps
from .run_inline import walk
from .when import When, WhenProbing, WhenUndoing

T = TypeVar("T")
R = TypeVar("R")


def given(saga: Saga[T], input: T, *, key: str = "", subject: str = "") -> Scenario[T]:
    """Begin the scenario of one run of `saga`; its first expectation plays it.

    Unless the scenario says otherwise, each participant does at once what it is asked. Local steps and hooks are the
    real ones. `key` is the run's key, for hooks that read it; by default a new one.
    """
    key = key or f"scenario:{uuid4()}"

    def begin() -> UUID:
        with transaction.atomic():
            return saga.start(input, key=key, subject=subject)

    return Scenario(saga, key, begin)


def given_run(saga: Saga[T], *, key: str) -> Scenario[T]:
    """Begin the scenario of a run that your own code has started. Playing it raises Run.DoesNotExist without one."""
    return Scenario(saga, key, lambda: Run.objects.values_list("id", flat=True).get(name=saga.name, key=key))


def _let_in(run_id: UUID) -> UUID:
    """A run of a share or with a limit is alone here: its turn comes at once."""
    Ticket.objects.filter(run=run_id).delete()
    Run.objects.filter(pk=run_id, queued_at__isnull=False).update(queued_at=None, wake_at=Now())
    return run_id


class Scenario(Expectations, Generic[T]):
    """What happens to one run. Each method returns the scenario, so that calls can be chained."""

    def __init__(self, saga: Saga[T], key: str, begin: Callable[[], UUID]) -> None:
        self.stage = FakeParticipants(saga)
        self._saga, self._key, self._begin = saga, key, begin
        self._events: dict[str, Callable[[], None]] = {}
        self._while_waiting: dict[str, list[Callable[[Run], object]]] = {}
        self._afterwards: list[Callable[[Run], object]] = []
        self._run: Run | None = None

    def when(self, step: Step[T, R]) -> When[Self, R]:
        """Say how the participant answers the step. Answers come in the order given; after them, all goes well."""
        return When(self, self._open().forward[self._own(step).name], self.stage.results, step.name)

    def when_undoing(self, step: Step[T, Any]) -> WhenUndoing[Self]:
        """Say how the participant answers the undo of the step."""
        if not self._own(step).has_undo:
            raise ScenarioError(f"{step.name} has no undo.")
        return WhenUndoing(self, self._open().backward[step.name])

    def when_probing(self, step: Step[T, R]) -> WhenProbing[Self, R]:
        """Say what the probe of the step finds; by default what is true."""
        if self._own(step).probe_run is None:
            raise ScenarioError(f"{step.name} has no probe.")
        return WhenProbing(self, self._open().probes[step.name])

    def cancelled_before(self, step: Step[T, Any], *, reason: str = "changed my mind", actor: str = "customer") -> Self:
        """Call `saga.cancel` before the first attempt of the step. The test gets TooLate."""
        return self._before(step, lambda: self._saga.cancel(self._key, reason=reason, actor=actor))

    def deadline_passed_before(self, step: Step[T, Any]) -> Self:
        """Let the deadline pass before the first attempt of the step. Raises ScenarioError when the saga has none."""
        deadline = self._saga.deadline
        if deadline is None:
            raise ScenarioError(f"{self._saga.name} has no deadline.")
        return self._before(step, lambda: time_passes(deadline))

    def signals(self, step: Step[T, R], payload: R, *, id: str = "") -> Self:
        """Send the signal while the run waits for it."""
        sent = id or f"signal:{uuid4()}"

        def send(_run: Run) -> None:
            with transaction.atomic():
                self._saga.send(self._key, step, payload, id=sent)

        return self._meanwhile(step, send)

    def approves(self, step: Step[T, R], form: R, *, by: AbstractBaseUser) -> Self:
        """Say yes while the run waits for the answer, as somebody who may. MayNotAnswer is the test's."""
        given = codec.decode(Any, codec.storable(form))
        return self._meanwhile(step, lambda run: desk.approve(run.pk, actor=by, reason="yes", form=given))

    def declines(self, step: Step[T, Any], words: str, *, by: AbstractBaseUser) -> Self:
        """Say no while the run waits for the answer."""
        return self._meanwhile(step, lambda run: desk.decline(run.pk, actor=by, reason=words))

    def sends_back(self, step: Step[T, Any], to: Step[T, Any], words: str, *, by: AbstractBaseUser) -> Self:
        """Send the run back while it waits for the answer; say what is answered the next time after this."""
        return self._meanwhile(step, lambda run: desk.send_back(run.pk, actor=by, reason=words, to=to.name))

    def then(self, act: Callable[[Run], object]) -> Self:
        """After the run has ended or is stuck, call `act` with it, such as an operator's act, and let it continue."""
        self._open()
        self._afterwards.append(act)
        return self

    def calling_participants(self) -> Self:
        """Call the real functions of steps, undos and probes, with the scenario's errors around them."""
        self._open().calls_participants = True
        return self

    @property
    def run(self) -> Run:
        """The run as it is now. The first use plays the scenario. Raises ScenarioError."""
        if self._run is None:
            self._run = self._play()
        self._run.refresh_from_db()
        return self._run

    def _play(self) -> Run:
        try:
            with self.stage.set():
                run = walk(_let_in(self._begin()), before=self._happen)
                for act in self._afterwards:
                    act(run)
                    run = walk(run.pk, before=self._happen)
                return run
        except Unplayable as error:
            raise ScenarioError(str(error)) from None

    def _happen(self, run: Run) -> None:
        """Do what shall happen before the run's current step."""
        if run.status != RunStatus.RUNNING:
            return
        name = run.steps.get(position=run.position).name
        event = self._events.pop(name, None)
        if event is not None:
            event()
        acts = self._while_waiting.get(name)
        if acts and run.key == self._key and run.steps.get(position=run.position).status == StepStatus.WAITING:
            acts.pop(0)(run)

    def _meanwhile(self, step: Step[T, Any], act: Callable[[Run], object]) -> Self:
        self._open()
        if self._own(step).wait is None:
            raise ScenarioError(f"{step.name} does not wait: say .when({step.name}) how its participant answers.")
        self._while_waiting.setdefault(step.name, []).append(act)
        return self

    def _before(self, step: Step[T, Any], event: Callable[[], None]) -> Self:
        self._open()
        self._events[self._own(step).name] = event
        return self

    def _own(self, step: Step[T, R]) -> Step[T, R]:
        if step not in played_steps(self._saga):
            raise ScenarioError(f"{step.name} is not a step of {self._saga.name}.")
        return step

    def _open(self) -> FakeParticipants:
        if self._run is not None:
            raise ScenarioError("The story has been played: say what happens before the first expectation.")
        return self.stage
