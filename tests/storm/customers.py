"""Customers who place orders by JSON at a steady rate, and try once more when the first try gets no order."""

from __future__ import annotations

import itertools
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_visa") * 5 + ("pm_card_answerLost",)
"""21 of them, so that both ways of carrying an order meet each. Few answers are lost: three in a row open the breaker
of payments, which holds all orders for 5 s, whatever was killed."""
CARRIED = ("saga", "choreography")
TIMEOUT = 10.0  # seconds for one try
PAUSE = 2.0  # seconds before the second try, where the answer names none
LONGEST_PAUSE = 5.0
PATIENCE = 60.0  # seconds until a customer goes away


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one customer's order."""

    phase: str
    tries: tuple[str, ...]
    """What each try met: an HTTP status, or the name of an error."""
    order: dict[str, Any] = field(default_factory=dict, hash=False)
    """The order as the API shows it; empty when the customer went away without one."""

    @property
    def at_first_try(self) -> bool:
        return self.tries[0] == "201"

    @property
    def within_one_retry(self) -> bool:
        return "201" in self.tries[:2]


@dataclass(slots=True)
class Customers:
    """Place orders at `site`, one every `1 / rate` seconds, whatever becomes of those before."""

    site: str
    rate: float
    skus: list[str]
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(32))
    _waiting: list[Future[Asked]] = field(default_factory=list)
    _number: itertools.count[int] = field(default_factory=itertools.count)

    def come(self, phase: str, seconds: float) -> None:
        """Send customers for that long."""
        until, due = time.monotonic() + seconds, time.monotonic()
        while due < until:
            time.sleep(max(0.0, due - time.monotonic()))
            self._waiting.append(self._pool.submit(self._ask, phase, next(self._number)))
            due += 1 / self.rate

    def served(self) -> list[Asked]:
        """What became of all of them, once each has an order or has gone away."""
        return [one.result() for one in self._waiting]

    def _ask(self, phase: str, number: int) -> Asked:
        body = {
            "email": f"storm-{number}@example.com",
            "payment_method": CARDS[number % len(CARDS)],
            "lines": [{"sku": self.skus[number % len(self.skus)], "quantity": 1}],
            "coordination": CARRIED[number % len(CARRIED)],
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        tries: list[str] = []
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            met, order, pause = self._try(body, headers)
            tries.append(met)
            if order:
                return Asked(phase, tuple(tries), order)
            time.sleep(pause)
        return Asked(phase, tuple(tries))

    def _try(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[str, dict[str, Any], float]:
        try:
            answer = requests.post(f"{self.site}/api/orders", json=body, headers=headers, timeout=TIMEOUT)
        except requests.RequestException as error:
            return type(error).__name__, {}, PAUSE
        order: dict[str, Any] = answer.json() if answer.status_code == 201 else {}
        pause = answer.headers.get("Retry-After", "")
        return str(answer.status_code), order, min(float(pause), LONGEST_PAUSE) if pause.isdecimal() else PAUSE
