"""What both ways carry out: one piece of one product, paid for. No imports of ours."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass

STOCK_FIRST, AT_ONCE, STOCK_LAST = "stock_first", "at_once", "stock_last"
"""In which order a coordinator asks the two databases."""
PREPARED, DECIDED, HALF = "prepared", "decided", "half"
"""Where a process is killed. The saga knows one such point: all have said yes, and nothing is committed."""
VARIABLE = "TWOPHASE_LATENCY"


class Refused(Exception):
    """A participant said no."""


@dataclass(frozen=True, slots=True)
class Order:
    """`dies_at`: at which point the process that carries it out kills itself, once; empty for an ordinary order."""

    number: str
    sku: str
    dies_at: str = ""

    def as_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: str) -> Order:
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds that each call of a participant takes, all of them before it touches a row.

    `round_trip` is added to each of the two messages by which 2PC ends a transaction.
    """

    payment: float = 0.3
    order: float = 0.1
    stock: float = 0.05
    round_trip: float = 0.0

    def as_environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Latency:
        return cls(**json.loads(environment.get(VARIABLE, "{}")))


def die() -> None:
    """SIGKILL: no clean-up of any kind."""
    os.kill(os.getpid(), signal.SIGKILL)
