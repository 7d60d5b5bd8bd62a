"""Fake participants: they replace the functions of one saga, and remember what was applied and undone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, get_args

from sagas import NotApplied, Saga, StepContext, UndoContext
from sagas.declare.each import EachStep
from sagas.declare.spread import ChildSaga
from sagas.declare.step import Step

from .answers import Script
from .errors import Unplayable

AnyStep = Step[Any, Any]


@dataclass
class FakeParticipants:
    """The participants of one run. Local steps stay real, since they use only the host's own database."""

    saga: Saga[Any]
    forward: defaultdict[str, Script] = field(default_factory=lambda: defaultdict(Script))
    backward: defaultdict[str, Script] = field(default_factory=lambda: defaultdict(Script))
    probes: defaultdict[str, Script] = field(default_factory=lambda: defaultdict(Script))
    results: dict[str, Any] = field(default_factory=dict)
    """What each step returns, as far as the test says so."""
    calls_participants: bool = False
    applied: dict[str, Any] = field(default_factory=dict)
    """The results of the steps that took effect and are not undone."""
    undone: list[str] = field(default_factory=list)
    """The steps whose undo took effect, in the order of the undos."""
    keys: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def set(self) -> Iterator[None]:
        """Replace the saga's functions until the block ends."""
        with ExitStack() as stack:
            for step in played_steps(self.saga):
                _ = step.result_type  # read from the real function, before it is replaced
                stack.enter_context(_replaced(step, "run", self._run(step)))
                if step.undo_run is not None:
                    stack.enter_context(_replaced(step, "undo_run", self._undo(step)))
                if step.probe_run is not None and not self.calls_participants:
                    stack.enter_context(_replaced(step, "probe_run", self._probe(step)))
            yield

    def _run(self, step: AnyStep) -> Callable[[StepContext[Any]], Any]:
        real, play_real = step.run, self._plays_real(step)

        def run(context: StepContext[Any]) -> Any:
            call = _call(step, context.key)
            self._same_key(call, context.key)

            def apply() -> Any:
                given = play_real and step.name not in self.results
                self.applied[call] = real(context) if given else self._result(step)
                return self.applied[call]

            return self.forward[step.name].next()(apply)

        return run

    def _undo(self, step: AnyStep) -> Callable[[UndoContext[Any, Any]], None]:
        real, play_real = step.undo_run, self._plays_real(step)

        def undo(context: UndoContext[Any, Any]) -> None:
            call = _call(step, context.step_key)
            self._same_key(f"{call}'s undo", context.key)
            self._same_key(call, context.step_key)

            def apply() -> None:
                if play_real and real is not None:
                    real(context)
                self.applied.pop(call, None)
                if step.name not in self.undone:
                    self.undone.append(step.name)

            self.backward[step.name].next()(apply)

        return undo

    def _probe(self, step: AnyStep) -> Callable[[StepContext[Any]], Any]:
        def probe(context: StepContext[Any]) -> Any:
            call = _call(step, context.key)
            self._same_key(call, context.key)
            return self.probes[step.name].next()(lambda: self.applied.get(call, NotApplied()))

        return probe

    def is_applied(self, step: AnyStep) -> bool:
        """Whether the step, or it for some item, took effect and is not undone."""
        return any(call.partition(" ")[0] == step.name for call in self.applied)

    def _plays_real(self, step: AnyStep) -> bool:
        return step.local or self.calls_participants

    def _same_key(self, call: str, key: str) -> None:
        """Raise Unplayable unless every attempt of a call has the same idempotency key."""
        first = self.keys.setdefault(call, key)
        if key != first:
            raise Unplayable(f"{call} was called with key {first} and then with {key}: one call, one key.")

    def _result(self, step: AnyStep) -> Any:
        if step.name in self.results:
            return self.results[step.name]
        if _may_be_none(step.result_type):
            return None
        wanted = getattr(step.result_type, "__name__", str(step.result_type))
        raise Unplayable(
            f"{step.name} returns a {wanted}, and the test does not say which. "
            f"Write .when({step.name}).returns({wanted}(...)), or .calling_participants() to run the real function."
        )


def played_steps(saga: Saga[Any]) -> list[AnyStep]:
    """The steps whose participants are played: the saga's, and those of the sagas that it starts."""
    steps: list[AnyStep] = []
    for step in saga.declared.values():
        steps += played_steps(step.spread.saga) if isinstance(step.spread, ChildSaga) else [step]
    return steps


def _call(step: AnyStep, key: str) -> str:
    """What the call is known by: of a step for each item there is one for each."""
    return f"{step.name} {key}" if isinstance(step, EachStep) else step.name


@contextmanager
def _replaced(step: AnyStep, name: str, function: Callable[..., Any]) -> Iterator[None]:
    real = getattr(step, name)
    setattr(step, name, function)
    try:
        yield
    finally:
        setattr(step, name, real)


def _may_be_none(type_: Any) -> bool:
    return type_ in (None, NoneType, Any) or NoneType in get_args(type_)
