"""How a participant answers, as a story says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Generic, TypeVar

from sagas import NotApplied

from .answers import Answer, Script, awaiting, away, failed, lost, refused, worker_lost
from .errors import NoAnswer

S = TypeVar("S")
R = TypeVar("R")


class Answering(Generic[S]):
    """The answers that steps and undos have in common. `times=None` is for ever."""

    def __init__(self, scenario: S, script: Script) -> None:
        self._scenario, self._script = scenario, script

    def refuses(self, code: str, text: str = "", *, after: int = 0) -> S:
        """The business says no; `after` so many attempts that failed and were not applied."""
        if after:
            self._say(failed(no_answer()), after)
        return self._say(refused(code, text), None)

    def fails(self, error: Exception | None = None, *, times: int | None = 1) -> S:
        """It raises `error`, and is not applied; the engine cannot know that. By default it is no error of the
        network: those, such as TimeoutError, also count for the participant's breaker, which then holds the run."""
        return self._say(failed(error or no_answer()), times)

    def answer_lost(self, *, times: int | None = 1) -> S:
        """It is applied, and the answer does not arrive."""
        return self._say(lost(no_answer()), times)

    def worker_lost(self, *, times: int | None = 1) -> S:
        """It is applied, and the worker dies before it can record anything."""
        return self._say(worker_lost(), times)

    def retry_after(self, delay: timedelta, *, times: int | None = 1) -> S:
        """The participant is away: surely not applied, to be asked again after `delay`."""
        return self._say(away(delay), times)

    def awaits(self, recheck: timedelta = timedelta(seconds=10), *, detail: object = None, times: int | None = 1) -> S:
        """Somebody else must act first; it is looked at again after `recheck`."""
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
        """What the step returns each time that it is applied."""
        self._results[self._name] = value
        return self._scenario


class WhenUndoing(Answering[S]):
    """How the participant answers to an undo."""


class WhenProbing(Generic[S, R]):
    """What a probe finds."""

    def __init__(self, scenario: S, script: Script) -> None:
        self._scenario, self._script = scenario, script

    def finds(self, value: R | NotApplied, *, times: int | None = 1) -> S:
        """It answers that the step was applied with this result, or `NotApplied()`."""
        self._script.add(lambda apply: value, times)
        return self._scenario

    def fails(self, *, times: int | None = 1) -> S:
        """It has no answer either."""
        self._script.add(failed(no_answer()), times)
        return self._scenario


def no_answer() -> NoAnswer:
    return NoAnswer("no answer")
