"""The storm from its first customer to the comparison of the books. Import it once Django is set up."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import requests

from config.local.ledger_check import ledgers_of
from orders.models import Order

from .aftermath import Aftermath, story, watch
from .customers import Asked, Customers
from .stack import Stack
from .weather import Phase, blow, phases

SLOWEST = 5
"""How many of the slowest orders are told about."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a storm did."""

    asked: list[Asked]
    aftermath: Aftermath
    differences: list[str]
    """Where the books of the shop and those of the companies do not agree, in sentences."""


def storm(stack: Stack, orders: int, seed: int) -> Outcome:
    """Have that many orders placed while the weather of that seed blows; wait for all; compare the books."""
    site, weather = stack.addresses["SITE_URL"], phases(seed)
    rate = orders / sum(phase.seconds for phase in weather)
    customers = Customers(site, rate, skus(site, orders))
    began, over = time.monotonic(), datetime.now(UTC)
    for phase in weather:
        print(f"{phase.name}: {phase.seconds:.0f} s, {rate:.1f} orders a second", flush=True)
        over = _under(phase, stack, customers, began)
    asked = customers.served()
    ids = [UUID(one.order["id"]) for one in asked if one.order]
    aftermath = watch(ids, over, stack)
    return Outcome(asked, aftermath, differences(stack.addresses, ids))


def _under(phase: Phase, stack: Stack, customers: Customers, began: float) -> datetime:
    coming = threading.Thread(target=customers.come, args=(phase.name, phase.seconds))
    coming.start()
    over = blow(phase, stack, lambda name: print(f"  {time.monotonic() - began:6.1f} s  {name}", flush=True))
    coming.join()
    return over


def skus(site: str, orders: int) -> list[str]:
    """Products of which there is enough."""
    products = requests.get(f"{site}/api/products", timeout=10).json()["results"]
    return [product["sku"] for product in products if (product["available"] or 0) >= orders]


def differences(addresses: Mapping[str, str], ids: list[UUID]) -> list[str]:
    """Each order's status and amount, compared with the three ledgers."""
    found = []
    for order in Order.objects.filter(pk__in=ids):
        ledgers = ledgers_of(addresses["STANDINS_URL"], order.number)
        found += ledgers.differences(order.status, int(order.total * 100))
    missing = len(ids) - Order.objects.filter(pk__in=ids).count()
    return [*found, *([f"{missing} accepted orders are not in the shop's books"] if missing else [])]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure, in its unit, and its bound."""

    name: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        word = "at least" if self.at_least else "at most"
        return f"{self.name}: {self.value:.1f} ({word} {self.bound:g}) {'met' if self.is_met else 'MISSED'}"


def goals(outcome: Outcome) -> list[Goal]:
    """What a storm shall leave behind."""
    after = [*outcome.aftermath.settled.values(), *[float("inf")] * len(outcome.aftermath.open)] or [0.0]
    by_phase: dict[str, list[Asked]] = {}
    for one in outcome.asked:
        by_phase.setdefault(one.phase, []).append(one)
    behind, web = by_phase["workers, relay and beat killed"], by_phase["web killed"]
    return [
        Goal("s after the last disruption, p95 of the orders still open then", p95(after), 20),
        Goal("s after the last disruption, the slowest", max(after), 45),
        Goal(
            "% accepted at the first try, workers, relay and beat killed",
            share([a.at_first_try for a in behind]),
            95,
            True,
        ),
        Goal("% accepted within one retry, web killed", share([a.within_one_retry for a in web]), 100, True),
        Goal("differences between the books", len(outcome.differences), 0),
        Goal("customers who went away without an order", sum(not a.order for a in outcome.asked), 0),
    ]


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def share(answers: list[bool]) -> float:
    return 100 * sum(answers) / len(answers) if answers else 100.0


def report(outcome: Outcome) -> str:
    """The outcome as text: by phase, the goals, the slowest orders, the differences."""
    lines = [""]
    for phase in dict.fromkeys(one.phase for one in outcome.asked):
        some = [one for one in outcome.asked if one.phase == phase]
        first, second = share([one.at_first_try for one in some]), share([one.within_one_retry for one in some])
        met: dict[str, int] = {}
        for one in some:
            if not one.at_first_try:
                met[one.tries[0]] = met.get(one.tries[0], 0) + 1
        lines.append(
            f"{phase}: {len(some)} orders, {first:.1f} % at the first try, {second:.1f} % within one retry {met or ''}"
        )
    aftermath = outcome.aftermath
    statuses: dict[str, int] = {}
    for status in Order.objects.filter(pk__in=[one.order["id"] for one in outcome.asked if one.order]).values_list(
        "status", flat=True
    ):
        statuses[status] = statuses.get(status, 0) + 1
    lines.append(f"Orders by status: {statuses}")
    lines.append(f"Open as the last disruption was over: {len(aftermath.settled) + len(aftermath.open)}")
    lines += [_spread(carried, after) for carried, after in _by_carrier(aftermath).items()]
    lines += [f"  {goal}" for goal in goals(outcome)]
    slowest = [*aftermath.open, *sorted(aftermath.settled, key=aftermath.settled.__getitem__, reverse=True)][:SLOWEST]
    for order in slowest:
        lines += [
            "",
            f"settled after {aftermath.settled.get(order, float('nan')):.1f} s:",
            *story(order, aftermath.began),
        ]
    return "\n".join([*lines, *outcome.differences])


def _by_carrier(aftermath: Aftermath) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    carriers = dict(Order.objects.filter(pk__in=aftermath.settled).values_list("pk", "coordination"))
    for order, after in aftermath.settled.items():
        found.setdefault(carriers[order], []).append(after)
    return found


def _spread(carried: str, after: list[float]) -> str:
    middle = f"{statistics.median(after):.1f} s (median), {p95(after):.1f} s (p95), {max(after):.1f} s (last)"
    return f"  {len(after)} by {carried}: {middle}"
