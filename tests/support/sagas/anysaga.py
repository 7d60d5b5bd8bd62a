"""Sagas of any shape over a participant that keeps a ledger by idempotency key, and goes wrong as it is told."""

from __future__ import annotations

import enum
import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from outbox import event, publish
from sagas import NotApplied, Refused, Retry, RetryAfter, Saga, StatusChange, StepContext, UndoContext
from sagas.testing.errors import WorkerLost

DEADLINE = timedelta(minutes=30)
TIMEOUT = timedelta(seconds=5)
serial = itertools.count(1)


@dataclass(frozen=True)
class Job:
    """The input."""

    what: str


@event("tests.fact", version=1)
@dataclass(frozen=True)
class Fact:
    """Something of the host's own was written: `kind` is recorded, undone, status, done_here or undone_here."""

    kind: str
    of: str


class Answer(enum.Enum):
    """How one call goes."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed, not applied"
    LOST = "applied, answer lost"
    AWAY = "away"
    DIES_BEFORE = "the worker dies before it asks"
    DIES_AFTER = "the worker dies when it was applied"
    DIES_RECORDING = "the worker dies in the recording transaction"
    HOOK_FAILS = "the host's hook fails"
    OVERTAKEN = "applied, answered so late that another worker has the step"


INSTEAD = {
    Answer.REFUSED: Refused("no"),
    Answer.FAILED: TimeoutError("no answer"),
    Answer.AWAY: RetryAfter(timedelta(seconds=3), "away"),
    Answer.DIES_BEFORE: WorkerLost(),
}
"""What is raised in place of applying the call."""
AFTERWARDS = {Answer.LOST: TimeoutError("no answer"), Answer.DIES_AFTER: WorkerLost()}


@dataclass(frozen=True)
class Plan:
    """One step."""

    undo: bool
    probe: bool
    local: bool
    attempts: int
    undo_attempts: int


@dataclass(frozen=True)
class Shape:
    """A saga."""

    steps: tuple[Plan, ...]
    pivot: int | None
    deadline: bool

    def has_undo(self, position: int) -> bool:
        return self.steps[position].undo and (self.pivot is None or position < self.pivot)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    few = st.integers(1, 3)
    plan = st.builds(
        Plan, undo=st.booleans(), probe=st.booleans(), local=st.booleans(), attempts=few, undo_attempts=few
    )
    length = draw(st.integers(1, 6))
    steps = draw(st.lists(plan, min_size=length, max_size=length))
    pivot = draw(st.none() | st.integers(0, len(steps) - 1))
    return Shape(tuple(steps), pivot, draw(st.booleans()))


@dataclass
class Participant:
    """Every step's other side. Effects are kept by key, as a participant that heeds idempotency keys does."""

    answers: deque[Answer] = field(default_factory=deque)
    probes: deque[bool] = field(default_factory=deque)
    """Whether the probes that follow have an answer."""
    in_force: dict[str, str] = field(default_factory=dict)
    """What was applied and not undone, by the step's key: the step's name."""
    effects: Counter[str] = field(default_factory=Counter)
    """How often a step took effect anew."""
    undone: list[str] = field(default_factory=list)
    asked: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """How often a step, or its undo, may have been asked; not counting what spends no attempt: the answer that it is
    away, and an answer that a hook of the host's failed to write down."""
    keys: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    recording: Answer = Answer.OK
    overtake: Callable[[], None] = lambda: None

    def ask(self, name: str, key: str, apply: Callable[[], None], *, undo: bool, local: bool) -> None:
        """One call. What is local and does not answer is rolled back, so that it cannot be overtaken."""
        self.keys[f"{name} undo={undo}"].add(key)
        answer = self.answers.popleft() if self.answers else Answer.OK
        self.asked[name, undo] += answer is not Answer.AWAY
        if answer in INSTEAD:
            raise INSTEAD[answer]
        apply()
        if answer in AFTERWARDS:
            raise AFTERWARDS[answer]
        if answer is Answer.OVERTAKEN and not local:
            self.overtake()
        if answer in (Answer.DIES_RECORDING, Answer.HOOK_FAILS):
            self.recording = answer

    def apply(self, name: str, key: str) -> None:
        self.effects[name] += key not in self.in_force
        self.in_force[key] = name

    def undo(self, key: str) -> None:
        if key in self.in_force:
            self.undone.append(self.in_force.pop(key))

    def probe(self, key: str) -> bool:
        """Whether it was applied; raises when the answer is lost."""
        if self.probes and not self.probes.popleft():
            raise TimeoutError("no answer")
        return key in self.in_force

    def record(self, kind: str, name: str, run_key: str) -> None:
        """The host's own write, in a hook."""
        publish(Fact(kind, name), key=run_key)
        recording, self.recording = self.recording, Answer.OK
        if recording is Answer.DIES_RECORDING:
            raise WorkerLost
        if recording is Answer.HOOK_FAILS:
            self.asked[name, kind == "undone"] -= 1
            raise RuntimeError("the host's table is full")


def declare(shape: Shape, participant: Participant) -> Saga[Job]:
    """The saga, registered; its run's key is the input's `what`."""
    deadline = DEADLINE if shape.deadline else None
    saga = Saga[Job](f"any_{next(serial)}", deadline=deadline)
    for position, plan in enumerate(shape.steps):
        _add(saga, shape, position, plan, participant)

    @saga.status_changed
    def follow(change: StatusChange[Job]) -> None:
        publish(Fact("status", change.after), key=change.key)

    return saga


def _add(saga: Saga[Job], shape: Shape, position: int, plan: Plan, participant: Participant) -> None:
    name = f"s{position}"
    is_pivot = position == shape.pivot
    local = plan.local and not is_pivot

    def run(ctx: StepContext[Job]) -> str:
        def apply() -> None:
            if local:
                publish(Fact("done_here", name), key=ctx.input.what)
            else:
                participant.apply(name, ctx.key)

        participant.ask(name, ctx.key, apply, undo=False, local=local)
        return f"{name} done"

    run.__name__ = name
    retry, undo_retry = _retry(plan.attempts), _retry(plan.undo_attempts)
    if is_pivot:
        step = saga.pivot(timeout=TIMEOUT, retry=retry)(run)
    elif shape.has_undo(position) or (shape.pivot is not None and position > shape.pivot):
        step = saga.step(timeout=TIMEOUT, retry=retry, undo_retry=undo_retry, local=local)(run)
    else:
        step = saga.step(timeout=TIMEOUT, retry=retry, undo=None, local=local)(run)
    _hooks(step, participant, has_undo=shape.has_undo(position), probe=plan.probe and not local)


def _hooks(step: Any, participant: Participant, *, has_undo: bool, probe: bool) -> None:
    name = step.name

    @step.recorded
    def recorded(ctx: StepContext[Job], result: str) -> None:
        participant.record("recorded", name, ctx.input.what)

    if probe:
        _probe(step, participant)
    if has_undo:
        _undo(step, participant)


def _probe(step: Any, participant: Participant) -> None:
    name = step.name

    @step.probe
    def find(ctx: StepContext[Job]) -> str | NotApplied:
        participant.keys[f"{name} undo=False"].add(ctx.key)
        return f"{name} done" if participant.probe(ctx.key) else NotApplied()


def _undo(step: Any, participant: Participant) -> None:
    name = step.name

    @step.undo
    def undo(ctx: UndoContext[Job, str]) -> None:
        def apply() -> None:
            if step.local:
                publish(Fact("undone_here", name), key=ctx.input.what)
            else:
                participant.undo(ctx.step_key)

        participant.keys[f"{name} undo=False"].add(ctx.step_key)
        participant.ask(name, ctx.key, apply, undo=True, local=step.local)

    @step.undone
    def undone(ctx: UndoContext[Job, str]) -> None:
        participant.record("undone", name, ctx.input.what)


def _retry(attempts: int) -> Retry:
    return Retry(attempts=attempts, first=timedelta(seconds=1), longest=timedelta(seconds=4))
