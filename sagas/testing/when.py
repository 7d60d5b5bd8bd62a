"""The words with which a scenario says how a participant answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Generic, TypeVar

from sagas import NotApplied

from .answers import Answer, Script, awaiting, away, failed, lost, refused, worker_lost
from .errors import NoAnswer

S = TypeVar("S")
R = TypeVar("R")


class Answering(Generic[S]):
    """The answers that steps and undos share. `times=None` means every time."""

    def __init__(self, scenario: S, script: Script) -> None:
        self._scenario, self._script = scenario, script

    def refuses(self, code: str, text: str = "", *, after: int = 0) -> S:
        """It refuses, after `after` attempts that fail and are not applied."""
        if after:
            self._say(failed(no_answer()), after)
        return self._say(refused(code, text), None)

    def fails(self, error: Exception | None = None, *, times: int | None = 1) -> S:
        """It raises `error` and is not applied, which the engine cannot know. The default is no error of the network:
        such an error, for example TimeoutError, also counts for the circuit breaker, which may then hold the run."""
        return self._say(failed(error or no_answer()), times)

    def answer_lost(self, *, times: int | None = 1) -> S:
        """The call is applied, and its answer is lost."""
        return self._say(lost(no_answer()), times)

    def worker_lost(self, *, times: int | None = 1) -> S:
        """The call is applied, and the worker dies before it records anything."""
        return self._say(worker_lost(), times)

    def retry_after(self, delay: timedelta, *, times: int | None = 1) -> S:
        """The participant is away: the call is not applied, and is tried again after `delay`."""
        return self._say(away(delay), times)

    def awaits(self, recheck: timedelta = timedelta(seconds=10), *, detail: object = None, times: int | None = 1) -> S:
        """Somebody else must act first; the step is tried again after `recheck`."""
        return self._say(awaiting(recheck, "somebody else must act first", detail), times)

    def _say(self, answer: Answer, times: int | None) -> S:
        self._script.add(answer, times)
        return self._scenario


class When(Answering[S], Generic[S, R]):
    """How a step's participant answers."""

    def __init__(self, scenario: S, script: Script, results: dict[str, Any], name: str) -> None:
        super().__init__(scenario, script)
        self._results, self._name = results, name

    def returns(self, value: R) -> S:
        """The step returns this value whenever it is applied."""
        self._results[self._name] = value
        return self._scenario


class WhenUndoing(Answering[S]):
    """How the participant answers an undo."""


class WhenProbing(Generic[S, R]):
    """What a probe finds."""

    def __init__(self, scenario: S, script: Script) -> None:
        self._scenario, self._script = scenario, script

    def finds(self, value: R | NotApplied, *, times: int | None = 1) -> S:
        """It finds this result of the step, or `NotApplied()`."""
        self._script.add(lambda apply: value, times)
        return self._scenario

    def fails(self, *, times: int | None = 1) -> S:
        """The probe fails, too."""
        self._script.add(failed(no_answer()), times)
        return self._scenario


def no_answer() -> NoAnswer:
    return NoAnswer("no answer")
