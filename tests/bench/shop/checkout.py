"""Orders a second through checkout, from the first one's request until the last one is confirmed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing

from tests.bench.report import Figures
from tests.bench.waiting import until

from .customers import Customers, Placed
from .resting import Resting
from .stack import Stack

WARM_UP = 20  # orders
PAUSE = 0.05  # seconds between two looks
CONFIRMED = "SELECT count(*) FROM orders_order WHERE id = ANY(%s::uuid[]) AND status = 'confirmed'"


class Watch:
    """Sees orders end, by their primary keys."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.connection = stack.connect()
        self.cursor = self.connection.cursor()

    def wait(self, orders: Sequence[Placed]) -> None:
        """Return once all are confirmed. Raises BenchError when one is not."""
        ids = [one.id for one in orders]
        alive = self.stack.processes.check_alive
        until(lambda: self._count(ids), len(ids), PAUSE, alive, "Not all orders were confirmed")

    def close(self) -> None:
        self.connection.close()

    def _count(self, ids: list[str]) -> int:
        self.cursor.execute(CONFIRMED, [ids])
        row = self.cursor.fetchone()
        return int(row[0]) if row else 0


def measure_checkout(stack: Stack, orders: int) -> Figures:
    """So many orders at once, and the CPU that each took of the whole stack, stand-ins and PostgreSQL included."""
    customers = Customers(stack.site, stack.fill_stock())
    with closing(Watch(stack)) as watch:
        watch.wait(customers.place(WARM_UP))
        resting = Resting.of(stack)
        before, begun = stack.cpu(), time.monotonic()
        placed = customers.place(orders)
        watch.wait(placed)
        seconds, cpu = time.monotonic() - begun, stack.cpu() - before
    took = sorted(one.took for one in placed)
    return {
        "orders_per_s": orders / seconds,
        "cpu_ms_per_order": cpu / orders,
        "cpu_ms_own": (cpu - resting.cpu * seconds) / orders,
        "placed_p50_ms": took[len(took) // 2],
        "placed_p95_ms": took[max(0, round(len(took) * 0.95) - 1)],
    }
