"""The contenders' turns: what each measured, and why one has no further turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import psycopg2
from redis import RedisError

from .errors import BenchError
from .report import Figures


class Named(Protocol):
    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=Named)
T = TypeVar("T")


class Turns:
    """Collects the figures of all rounds."""

    def __init__(self) -> None:
        self.measured: dict[str, list[Figures]] = {}
        self.failures: dict[str, str] = {}
        self.loads: list[float] = []
        """The machine's load average at the beginning of each round."""

    def begin_round(self) -> None:
        self.loads.append(round(os.getloadavg()[0], 2))

    def measure(self, title: str, contender: C, measuring: Callable[[C], Figures]) -> None:
        """Let it have its turn, and note and print what came of it."""
        self.attempt(contender, lambda one: self._measure(title, one, measuring))

    def attempt(self, contender: C, act: Callable[[C], None]) -> None:
        """Do it; a contender that fails once is named with its reason and has no further turn."""
        if contender.name in self.failures:
            return
        try:
            act(contender)
        except (BenchError, psycopg2.Error, RedisError) as error:
            self.failures[contender.name] = str(error).strip()
            say(f"{contender.name} FAILED: {error}")

    def _measure(self, title: str, contender: C, measuring: Callable[[C], Figures]) -> None:
        begun = time.monotonic()
        figures = measuring(contender)
        self.measured.setdefault(contender.name, []).append(figures)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if value is not None)
        say(f"{title}: {contender.name}: {shown} ({time.monotonic() - begun:.0f} s)")


def rotated(those: Sequence[T], number: int) -> list[T]:
    """All of them in the order of round `number`, from 1 on: each round the next one begins."""
    start = (number - 1) % len(those) if those else 0
    return [*those[start:], *those[:start]]


def say(text: str) -> None:
    print(text, flush=True)
