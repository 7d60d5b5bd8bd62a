"""Orders a second through checkout, from the first one's request until the last one is confirmed."""

from __future__ import annotations

import time
from contextlib import closing

from tests.bench.report import Figures
from tests.bench.waiting import until

from .customers import Customers
from .resting import Resting
from .stack import Stack

WARM_UP = 20  # orders
PAUSE = 0.05  # seconds between two looks
CONFIRMED = "SELECT count(*) FROM orders_order WHERE status = 'confirmed'"


def measure_checkout(stack: Stack, orders: int) -> Figures:
    """So many orders at once, and the CPU that each took of the whole stack, stand-ins and PostgreSQL included."""
    customers = Customers(stack.site, stack.fill_stock())
    with closing(stack.connect()) as connection, connection.cursor() as cursor:

        def confirmed() -> int:
            cursor.execute(CONFIRMED)
            row = cursor.fetchone()
            return int(row[0]) if row else 0

        def carry(count: int, before: int) -> list[float]:
            placed = customers.place(count)
            until(
                lambda: confirmed() - before, count, PAUSE, stack.processes.check_alive, "Not all orders were confirmed"
            )
            return sorted(one.took for one in placed)

        carry(WARM_UP, confirmed())
        resting = Resting.of(stack)
        before, begun = stack.cpu(), time.monotonic()
        took = carry(orders, WARM_UP)
        seconds = time.monotonic() - begun
        cpu = stack.cpu() - before
    return {
        "orders_per_s": orders / seconds,
        "cpu_ms_per_order": cpu / orders,
        "cpu_ms_own": (cpu - resting.cpu * seconds) / orders,
        "placed_p50_ms": took[len(took) // 2],
        "placed_p95_ms": took[max(0, round(len(took) * 0.95) - 1)],
    }
