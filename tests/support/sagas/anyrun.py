"""One run of any saga: what may happen to it, and what must hold throughout and in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F

from outbox.models import OutboxMessage
from outbox.testing import published
from sagas import TooLate, WrongState, desk
from sagas.declare import registry
from sagas.engine import executor
from sagas.engine.continuation import RunNext
from sagas.engine.taking import give_back
from sagas.engine.work import Worker
from sagas.models import Act, Run, RunStatus, StepStatus
from sagas.testing import story, time_passes, walk
from sagas.testing.clock import until_claimable
from sagas.testing.errors import WorkerLost

from . import traced
from .anysaga import Answer, Fact, Job, Participant, Shape, declare
from .hands import Dealt, Ended, hand_of, take_all

ENDED = {RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.STUCK, RunStatus.RESOLVED}


@dataclass(frozen=True)
class Visit:
    """A worker meets the run with the link of its current step."""

    answers: list[Answer]
    probes: list[bool]
    """Whether the probes that follow have an answer."""
    patient: bool
    """Whether it comes when the step is free, rather than now."""
    in_hand: bool = False
    """Whether it takes the run together with others, where the run waits for any worker."""


class AnyRun:
    """One run of a saga of this shape. `in_place`: its workers go on with the next step themselves."""

    def __init__(self, shape: Shape, *, in_place: bool) -> None:
        self.participant = Participant(overtake=self._overtaken)
        self.shape, self.in_place = shape, in_place
        self.saga = declare(shape, self.participant)
        self.key = f"key-{self.saga.name}"
        self.ann, _ = get_user_model().objects.get_or_create(username="ann")
        with transaction.atomic():
            self.run_id: UUID = self.saga.start(Job(self.key), key=self.key)
        self.retries = self.acts = 0
        self._in_hand = False

    # --- What may happen -------------------------------------------------------------------------------------------

    def workers_come(self, visits: list[Visit]) -> None:
        for visit in visits:
            if visit.patient:
                time_passes(until_claimable(self.run_id) + timedelta(milliseconds=1))
            self._behave(visit.answers, visit.probes)
            self._in_hand = visit.in_hand
            self._meet()
            self._in_hand = False
            self.guarantees_hold()

    def an_old_message_comes(self, position: int, undo: bool, answers: list[Answer]) -> None:
        self._behave(answers, [])
        self._link(self.saga.steps[position % len(self.saga.steps)].name, undo=undo)

    def time_goes_by(self, delta: timedelta) -> None:
        time_passes(delta)

    def somebody_acts(self, verb: str, completed: bool) -> None:
        self.retries += self._act(verb, "completed" if completed else "compensated") and verb == "retry"

    # --- What must hold --------------------------------------------------------------------------------------------

    def guarantees_hold(self) -> None:
        run = Run.objects.get(pk=self.run_id)
        facts = self._facts()
        problems = [*self._keys(), *self._once(facts), *self._budgets(), *self._watched(run), *self._steps(run, facts)]
        self._none(problems, run)

    def end(self) -> None:
        """After a quiet period, in which everybody does as asked, the run has ended or is a person's matter."""
        self._behave([], [])
        self._act("resume", "completed")
        run = walk(self.run_id)
        self.guarantees_hold()
        self._none([*self._ended(run), *self._settled(run)], run)

    def forget(self) -> None:
        """Make room for the next one."""
        registry.forget(self.saga)
        Run.objects.all().delete()
        OutboxMessage.objects.all().delete()

    def _keys(self) -> list[str]:
        return [f"{call} had keys {keys}" for call, keys in self.participant.keys.items() if len(keys) > 1]

    def _once(self, facts: Counter[tuple[str, str]]) -> list[str]:
        again = [f"{name} took effect {times} times" for name, times in self.participant.effects.items() if times > 1]
        return again + [f"{of} {kind} {n} times" for (kind, of), n in facts.items() if kind != "status" and n > 1]

    def _budgets(self) -> list[str]:
        return [
            f"{name} (undo={undo}) was asked {times} times"
            for (name, undo), times in self.participant.asked.items()
            if times > self._budget(name, undo=undo) + self.retries
        ]

    def _budget(self, name: str, *, undo: bool) -> int:
        step = self.saga.named(name)
        return (step.undo_retry if undo else step.retry).attempts or 0

    def _watched(self, run: Run) -> list[str]:
        """Whoever is not at an end will be looked at; nobody else will."""
        ended = run.status in ENDED
        told = [fact.of for fact in published(Fact, key=self.key) if fact.kind == "status"]
        return [
            *(["nobody will ever look at it"] if not ended and run.wake_at is None and run.ready_at is None else []),
            *(["the sweep will ring what has ended"] if ended and run.wake_at is not None else []),
            *(["a worker will take what has ended"] if ended and run.ready_at is not None else []),
            *([f"the host was told {told}"] if told and told[-1] != run.status else []),
            *(["the host was not told of the end"] if ended and not told else []),
            *(["stuck without a reason"] if run.status == RunStatus.STUCK and not run.reason else []),
        ]

    def _steps(self, run: Run, facts: Counter[tuple[str, str]]) -> list[str]:
        steps = list(run.steps.all())
        done = {step.name for step in steps if step.status == StepStatus.DONE}
        in_hand = run.attempts.filter(ended_at=None).count()
        pivot = self.saga.pivot_step
        order = [self.saga.named(name).position for name in self.participant.undone]
        return [
            *(
                f"{name} is done and was recorded {facts['recorded', name]} times"
                for name in done - self._recorded(facts)
            ),
            *([f"{in_hand} attempts are in hand"] if in_hand > 1 else []),
            *(["something was undone after the pivot"] if pivot and pivot.name in done and order else []),
            *([f"undone in the order {order}"] if order != sorted(order, reverse=True) else []),
        ]

    def _recorded(self, facts: Counter[tuple[str, str]]) -> set[str]:
        return {of for (kind, of), times in facts.items() if kind == "recorded" and times == 1}

    def _ended(self, run: Run) -> list[str]:
        acts = Act.objects.filter(run=run).count()
        return [
            *([f"still {run.status}"] if run.status not in ENDED else []),
            *(["an attempt is in hand"] if run.attempts.filter(ended_at=None).exists() else []),
            *(["a step has a token"] if run.steps.filter(token__isnull=False).exists() else []),
            *([f"{self.acts} acts, {acts} of them recorded"] if acts != self.acts else []),
        ]

    def _settled(self, run: Run) -> list[str]:
        """The participants hold what the run's status promises."""
        names = {step.name for step in self.saga.steps}
        in_force = self._in_force()
        if run.status == RunStatus.COMPLETED:
            return [f"completed without {name}" for name in names - in_force]
        if run.status == RunStatus.COMPENSATED:
            left = {step.name for step in self.saga.steps if step.has_undo} & in_force
            pivot = self.saga.pivot_step
            charged = pivot is not None and pivot.name in in_force and not self._on_an_operators_word(run)
            return [f"undone, and {name} is left" for name in left] + (["undone, the pivot applied"] if charged else [])
        return []

    def _on_an_operators_word(self, run: Run) -> bool:
        """An operator may have a run undone whose pivot is in doubt and cannot be asked for."""
        pivot = self.saga.pivot_step
        return pivot is not None and pivot.probe_run is None and run.acts.filter(verb="compensate").exists()

    def _in_force(self) -> set[str]:
        facts = self._facts()
        here = {of for (kind, of) in facts if kind == "done_here" and not facts["undone_here", of]}
        return here | set(self.participant.in_force.values())

    # --- How it is done --------------------------------------------------------------------------------------------

    def _behave(self, answers: list[Answer], probes: list[bool]) -> None:
        self.participant.answers.clear()
        self.participant.answers.extend(answers)
        self.participant.probes.clear()
        self.participant.probes.extend(probes)
        self.participant.recording = Answer.OK

    def _overtaken(self) -> None:
        """The worker that has the step in hand is slow beyond its lease, and another one comes."""
        time_passes(timedelta(minutes=1))
        self._meet()

    def _meet(self) -> None:
        run = Run.objects.get(pk=self.run_id)
        if self._in_hand and run.ready_at is not None:
            self._carry_in_hand()
        elif run.status not in ENDED:
            self._link(run.steps.get(position=run.position).name, undo=run.status == RunStatus.UNDOING)

    def _ahead(self, _step: object) -> str | None:
        return str(uuid4()) if self.in_place else None

    def _carry_in_hand(self) -> None:
        """With one before it and one behind it, of another saga, to which nothing happens."""
        first, _last = [traced.begin() for _ in range(2)]
        Run.objects.filter(pk=first).update(ready_at=F("ready_at") - timedelta(days=1))
        dealt = Dealt()
        with suppress(WorkerLost):
            hand_of(take_all(ahead=self._ahead), Ended(), dealt).carry()
        give_back(dealt)

    def _link(self, name: str, *, undo: bool) -> None:
        worker = Worker("test", "task", self._ahead)
        link = executor.TaskRef(self.run_id, self.saga.name, self.saga.version, name, worker)
        with suppress(WorkerLost):
            verdict = (executor.undo_step if undo else executor.run_step)(link)
            while isinstance(verdict, RunNext):
                verdict = executor.proceed(verdict.work)

    def _act(self, verb: str, ended: desk.Resolution) -> bool:
        """Whether it was done. What is refused changes nothing, and what changes anything is recorded."""
        verbs: dict[str, Callable[[], None]] = {
            "retry": lambda: desk.retry_now(self.run_id, actor=self.ann, reason="again"),
            "cancel": lambda: self.saga.cancel(self.key, reason="changed my mind", actor="customer"),
            "compensate": lambda: desk.compensate(self.run_id, actor=self.ann, reason="give it up"),
            "pause": lambda: desk.pause(self.run_id, actor=self.ann, reason="let me look"),
            "resume": lambda: desk.resume(self.run_id, actor=self.ann, reason="looked"),
            "resolve": lambda: desk.resolve(self.run_id, actor=self.ann, reason="settled", ended=ended),
        }
        before, acts = self._as_it_stands(), Act.objects.count()
        done = True
        try:
            verbs[verb]()
        except (WrongState, TooLate):
            done = False
        changed = self._as_it_stands() != before
        recorded = Act.objects.count() - acts
        assert recorded == changed, f"changed: {changed}, recorded: {recorded}, done: {done}"
        assert done or not changed
        self.acts += recorded
        return done

    def _as_it_stands(self) -> list[Any]:
        run = Run.objects.filter(pk=self.run_id)
        rows: list[Any] = [*run.values(), *run.get().steps.values()]
        return rows

    def _facts(self) -> Counter[tuple[str, str]]:
        return Counter((fact.kind, fact.of) for fact in published(Fact, key=self.key))

    def _none(self, problems: list[str], run: Run) -> None:
        assert not problems, f"{'; '.join(problems)}\n{self.shape}\n{self.participant}\n{story(run)}"
