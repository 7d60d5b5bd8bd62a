"""Customers who place orders by JSON, several at a time."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from tests.bench.errors import BenchError

from .stack import TIMEOUT

AT_ONCE = 16


@dataclass(frozen=True)
class Placed:
    """An order, and the milliseconds until it was accepted."""

    id: str
    took: float


class Customers:
    """At `site`; each order is of one piece of one product, by turns."""

    def __init__(self, site: str, skus: Sequence[str]) -> None:
        self.site = site
        self.skus = skus
        self._own = threading.local()

    def place(self, count: int) -> list[Placed]:
        """Place so many orders, AT_ONCE at a time. Raises BenchError when one is refused."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._place, range(count)))

    def _place(self, number: int) -> Placed:
        body = {
            "email": f"bench-{number}@example.com",
            "payment_method": "pm_card_visa",
            "lines": [{"sku": self.skus[number % len(self.skus)], "quantity": 1}],
            "coordination": "saga",
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        begun = time.monotonic()
        answer = self._http().post(f"{self.site}/api/orders", json=body, headers=headers, timeout=TIMEOUT)
        if answer.status_code != 201:
            raise BenchError(f"The shop answered an order with {answer.status_code}: {answer.text[:200]}")
        return Placed(str(answer.json()["id"]), (time.monotonic() - begun) * 1000)

    def _http(self) -> requests.Session:
        """Of this thread."""
        if not hasattr(self._own, "http"):
            self._own.http = requests.Session()
        http: requests.Session = self._own.http
        return http
