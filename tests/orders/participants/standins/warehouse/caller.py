"""One order's dealings with the warehouse stand-in, over HTTP."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.support.standins import Standins

Lines = list[dict[str, Any]]


class Caller:
    """One order's dealings with the warehouse, on an SKU that no other test touches."""

    def __init__(self, standins: Standins, pieces: int = 5) -> None:
        self.standins = standins
        self.url = f"{standins.url}/warehouse"
        self.order = f"S-{uuid.uuid4().hex[:8]}"
        self.key = f"reserve:{self.order}"
        self.sku = f"sku-{uuid.uuid4().hex[:8]}"
        standins.set_stock(self.sku, pieces)

    def reserve(self, quantity: int = 2, *, key: str = "", lines: Lines | None = None) -> requests.Response:
        wanted = [{"sku": self.sku, "quantity": quantity}] if lines is None else lines
        return self.post("/reservations", {"order": self.order, "lines": wanted}, key or self.key)

    def release(self, key: str = "") -> requests.Response:
        return requests.delete(f"{self.url}/reservations/{key or self.key}", timeout=10)

    def commit(self) -> requests.Response:
        return requests.post(f"{self.url}/reservations/{self.key}/commit", timeout=10)

    def expire(self, within: float = 0) -> requests.Response:
        url = f"{self.url}/reservations/{self.key}/expire"
        return requests.post(url, json={"within": within}, timeout=10)

    def find(self) -> requests.Response:
        return requests.get(f"{self.url}/reservations/{self.key}", timeout=10)

    def post(self, path: str, body: Any, key: str | None) -> requests.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=10)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.standins.fault("warehouse", operation=operation, kind=kind, order=self.order, times=1, **more)

    def did(self) -> list[str]:
        """The ledger: what really happened."""
        return [entry["operation"] for entry in self.standins.ledger("warehouse", self.order)]

    @property
    def available(self) -> int:
        return self.standins.stock(self.sku)


def code(response: requests.Response) -> tuple[int, str]:
    """The status and the error's code."""
    return response.status_code, response.json()["error"]["code"]


def at_once(*calls: Any) -> list[requests.Response]:
    """The calls' answers; all calls leave together."""
    barrier = threading.Barrier(len(calls))

    def go(call: Any) -> requests.Response:
        barrier.wait(10)
        answer: requests.Response = call()
        return answer

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))
