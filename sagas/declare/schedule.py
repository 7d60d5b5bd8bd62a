"""A schedule, as a project writes it beside its saga: at each tick one run is started."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar, get_args

from ..errors import SagaDeclarationError
from . import rules, schedule_registry
from .cron import LONGEST_ZONE, Cron
from .saga import Saga

T = TypeVar("T")
Missed = Literal["once", "all", "skip"]
Overlap = Literal["skip", "queue", "start"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
KEY_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Schedule(Generic[T]):
    """Runs of a saga at the times of a cron expression, by the clock of a time zone.

    Schedule(tidy, cron="0 3 * * *", timezone="Europe/Berlin", input=lambda tick: Tidy(day=tick.date()))
    """

    def __init__(
        self,
        saga: Saga[T],
        *,
        cron: str,
        timezone: str,
        input: Callable[[datetime], T],
        missed: Missed = "once",
        overlap: Overlap = "skip",
        name: str = "",
    ) -> None:
        """`input` makes the run's input from its tick, a datetime in the schedule's own zone. `name` is the saga's name
        unless another is given; it is in each run's key.

        `missed`, of ticks that came while nobody was there: "once" runs the latest, "all" each in order, "skip" none
        that is more than a minute late. `overlap`, when a tick comes while the run of an earlier one has not ended:
        "skip" leaves the tick out, "queue" starts it afterwards, "start" starts it. Raises SagaDeclarationError.
        """
        rules.require(isinstance(saga, Saga), f"Schedule({saga!r:.80}): give the saga that it starts.")
        self.saga = saga
        self.name = name or saga.name
        self.missed: Missed = missed
        self.overlap: Overlap = overlap
        self.input = input
        self._check()
        self.cron = self._cron(cron, timezone)
        schedule_registry.register(self)

    def ticks(self, after: datetime) -> Iterator[datetime]:
        """The ticks after the moment, which has a zone; the earliest first, in UTC."""
        return self.cron.after(after)

    def ticks_between(self, since: datetime, until: datetime) -> Iterator[datetime]:
        """The ticks after `since`, up to and including `until`; both have a zone."""
        return self.cron.between(since, until)

    def input_of(self, tick: datetime) -> T:
        """The input of the run of that tick."""
        return self.input(self.cron.local(tick))

    def key_of(self, tick: datetime) -> str:
        """The key of the run of that tick: whoever starts it, and however often, it is one run."""
        return f"{self.name}:{tick.astimezone(UTC):{KEY_TIME}}"

    def _check(self) -> None:
        if not (isinstance(self.name, str) and NAME.fullmatch(self.name)):
            raise SagaDeclarationError(
                f"A schedule of {self.saga.name}: name={self.name!r:.80}; give at most 60 letters, digits, dots, "
                "dashes and underscores, the first a letter or a digit."
            )
        self._check_choice("missed", self.missed, Missed)
        self._check_choice("overlap", self.overlap, Overlap)
        rules.check_function(f"The schedule {self.name}: input", self.input, takes="tick")

    def _check_choice(self, option: str, given: object, choices: Any) -> None:
        words = ", ".join(f'"{word}"' for word in get_args(choices))
        rules.require(
            given in get_args(choices), f"The schedule {self.name}: {option}={given!r:.80}; give one of {words}."
        )

    def _cron(self, expression: str, timezone: str) -> Cron:
        try:
            made = Cron(expression, timezone)
        except SagaDeclarationError as error:
            raise SagaDeclarationError(f"The schedule {self.name}: {error}") from error
        rules.require(len(timezone) <= LONGEST_ZONE, f"The schedule {self.name}: the name of its zone is too long.")
        return made
