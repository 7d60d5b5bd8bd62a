"""The operations of a company that faults can hit: `OPERATIONS` in the `operations.py` of its package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any

ALL = "*"
"""Every call that a company answers. It does not include background jobs, which a fault must name."""


class Kind(StrEnum):
    """What can go wrong with a call that a company answers."""

    SLOW = "slow"
    FAIL = "fail"
    REFUSE = "refuse"
    LOSE_ANSWER = "lose_answer"
    DOWN = "down"
    UNAVAILABLE = "unavailable"


CALLED: dict[str, str] = {
    Kind.SLOW: "answers after `delay` seconds",
    Kind.FAIL: "answers 500 and applies nothing",
    Kind.REFUSE: "says no, as its business may",
    Kind.LOSE_ANSWER: "applies the call and drops the connection without an answer",
    Kind.DOWN: "drops the connection and applies nothing",
    Kind.UNAVAILABLE: "answers 503 and applies nothing, as a company that is closed",
}
"""The kinds of fault for a call, each with its effect."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a company: a call that it answers, or, with `kinds` of its own, a background job."""

    name: str
    says: str
    """A sentence for people."""
    kinds: Mapping[str, str] = field(default_factory=lambda: CALLED)
    """The kinds of fault, each with its effect."""
    also: tuple[str, ...] = ()
    """Other names for it."""

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "says": self.says, "called": self.kinds is CALLED, "kinds": dict(self.kinds)}


class NoSuch(ValueError):
    """A fault that the company does not know; the text lists those that it knows."""


@cache
def of(company: str) -> tuple[Operation, ...]:
    """The operations of the company of that name."""
    listed: tuple[Operation, ...] = import_module(f"..{company}.operations", __package__).OPERATIONS
    return listed


def found(company: str, name: str) -> Operation:
    """The operation with that name or other name. Raises NoSuch with a list of all."""
    for operation in of(company):
        if name == operation.name or name in operation.also:
            return operation
    known = ", ".join(operation.name for operation in of(company))
    raise NoSuch(f"{company} does no {name!r}. It does: {known}; {ALL} is every call.")


def kinds(company: str, name: str) -> Mapping[str, str]:
    """The kinds of fault for that operation. Raises NoSuch."""
    return CALLED if name == ALL else found(company, name).kinds
