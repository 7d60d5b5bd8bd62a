"""The answers of a participant to a call, attempt by attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sagas.errors import Awaits, Refused, RetryAfter

from .errors import WorkerLost

Apply = Callable[[], Any]
Answer = Callable[[Apply], Any]
"""Gets the function that applies the call, and returns its result, or raises before or after calling it."""


def refused(code: str, text: str = "") -> Answer:
    def answer(apply: Apply) -> Any:
        raise Refused(code, text)

    return answer


def away(delay: timedelta) -> Answer:
    def answer(apply: Apply) -> Any:
        raise RetryAfter(delay, "the participant is away")

    return answer


def awaiting(recheck: timedelta, reason: str, detail: object) -> Answer:
    def answer(apply: Apply) -> Any:
        raise Awaits(recheck, reason, detail)

    return answer


def failed(error: Exception) -> Answer:
    def answer(apply: Apply) -> Any:
        raise error

    return answer


def lost(error: BaseException) -> Answer:
    """The call is applied, and the answer is lost."""

    def answer(apply: Apply) -> Any:
        apply()
        raise error

    return answer


def worker_lost() -> Answer:
    return lost(WorkerLost("the worker died before it could record anything"))


@dataclass
class Script:
    """A queue of answers. When it is empty, calls are applied and answered."""

    queue: list[tuple[Answer, int | None]] = field(default_factory=list)

    def add(self, answer: Answer, times: int | None) -> None:
        """Add this answer `times` times; None for ever. Raises ValueError for fewer than once."""
        if times is not None and times < 1:
            raise ValueError(f"times={times}: give at least 1, or None for every time.")
        self.queue.append((answer, times))

    def next(self) -> Answer:
        """Take the answer for the next call."""
        if not self.queue:
            return lambda apply: apply()
        answer, times = self.queue[0]
        if times == 1:
            self.queue.pop(0)
        elif times is not None:
            self.queue[0] = (answer, times - 1)
        return answer
