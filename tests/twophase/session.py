"""One contender's turn on empty tables: one order alone, many at once, and the kill."""

from __future__ import annotations

import itertools
import statistics
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import Figures
from tests.bench.waiting import until

from .contenders import Contender
from .databases import Databases
from .order import Order
from .watch import Locks, Orders

HOT = "hot"
BURST_PAUSE = 0.01  # seconds between two looks at many orders
SINGLE_PAUSE = 0.001  # seconds between two looks at the one order in flight
COMPLAINT = "Not all orders were done"


@dataclass(frozen=True)
class Load:
    """How much is asked of a contender."""

    orders: int = 48
    """Placed at once when orders a second are measured."""
    single: int = 15
    """Placed one at a time."""
    hot: int = 10
    """Placed during the outage, all for the product of the killed order."""
    other: int = 10
    """Placed during the outage, each for another product."""
    outage: float = 10.0
    """Seconds until the killed process is started again."""

    @property
    def skus(self) -> list[str]:
        return [HOT, *(f"p{number}" for number in range(max(self.orders, self.other)))]


class Session:
    """A running contender, and the eyes that watch it."""

    def __init__(self, contender: Contender, databases: Databases, load: Load) -> None:
        self.contender, self.databases, self.load = contender, databases, load
        self.orders, self.locks = Orders(databases), Locks(databases)
        self._series, self._numbers = uuid.uuid4().hex[:8], itertools.count(1)

    def place(self, sku: str, dies_at: str = "") -> str:
        """Hand over an order; its number."""
        order = Order(f"{self._series}-{next(self._numbers)}", sku, dies_at)
        self.orders.expect(order.number)
        self.contender.place(order)
        return order.number

    def burst(self, skus: Sequence[str]) -> float:
        """Place so many orders at once; orders a second until the last is done."""
        begun = time.monotonic()
        numbers = [self.place(sku) for sku in skus]
        self._wait(numbers, BURST_PAUSE)
        return len(numbers) / (time.monotonic() - begun)

    def alone(self) -> float:
        """Milliseconds of one order with no other about, the median of some."""
        return statistics.median(self._one(sku) for sku in self.load.skus[: self.load.single]) * 1000

    def _one(self, sku: str) -> float:
        number = self.place(sku)
        self._wait([number], SINGLE_PAUSE)
        return self.orders.took(number)

    def _wait(self, numbers: Sequence[str], pause: float) -> None:
        until(lambda: self.orders.count(numbers), len(numbers), pause, self._alive, COMPLAINT)

    def _alive(self) -> None:
        self.contender.has_died()

    def close(self) -> None:
        self.orders.close()
        self.locks.close()


@contextmanager
def running(
    contender: Contender, databases: Databases, load: Load, environment: dict[str, str], logs: Path
) -> Iterator[Session]:
    """Start the contender on empty tables, warm; stop it at the end."""
    databases.fill(load.skus)
    contender.start({**environment, **databases.as_environment()}, logs / contender.name)
    try:
        session = Session(contender, databases, load)
        try:
            session.burst(load.skus)  # opens every thread's connections
            yield session
        finally:
            session.close()
    finally:
        contender.stop()


def measure_well(session: Session) -> Figures:
    """When nothing goes wrong."""
    many = session.load.skus[1 : 1 + session.load.orders]
    return {
        "one_order_ms": session.alone(),
        "many_per_s": session.burst(many),
        "hot_per_s": session.burst([HOT] * session.load.orders),
    }
