"""The orders of `make demo`: places them by the JSON API with mixed cards, waits for all, compares the ledgers."""

from __future__ import annotations

import itertools
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .errors import LocalStackError
from .ledger_check import ledgers_of

CARDS = {
    "pm_card_visa": "succeeds",
    "pm_card_visa_chargeDeclined": "declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient funds",
    "pm_card_answerLost": "answer gets lost",
}
MIX = ["pm_card_visa", "pm_card_answerLost", "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_visa"]
MIX += ["pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_visa", "pm_card_answerLost"]
FINAL = {"confirmed", "cancelled", "needs_attention"}
PATIENCE = 180.0  # seconds for all orders to settle
SECONDS = 10


@dataclass(slots=True)
class Placed:
    """An order as its customer sees it."""

    id: str
    number: str
    card: str
    total: Decimal
    status: str = "processing"
    settled_after: float = 0.0


@dataclass(slots=True)
class Demo:
    """A customer of the shop at `site` who also reads the ledgers at `standins`."""

    site: str
    standins: str
    http: requests.Session = field(default_factory=requests.Session)
    console: Console = field(default_factory=Console)

    def run(self, count: int) -> int:
        """Place, watch and compare; returns 0 when every order settled and all ledgers agree, else 1."""
        skus = [p["sku"] for p in self._get("/api/products")["results"] if (p["available"] or 0) >= 10 * count]
        if not skus:
            raise LocalStackError("The warehouse has too little stock for a demo: `make clean-local`, then try again.")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            orders = [
                self._place(card, sku)
                for card, sku, _ in progress.track(
                    list(zip(itertools.cycle(MIX), itertools.cycle(skus), range(count))), description="Placing"
                )
            ]
            self._watch(orders, progress)
        differences = self._compare(orders)
        self._print(orders, differences)
        return 1 if differences else 0

    def _place(self, card: str, sku: str) -> Placed:
        body = {"email": "demo@example.com", "payment_method": card, "lines": [{"sku": sku, "quantity": 1}]}
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.http.post(f"{self.site}/api/orders", json=body, headers=headers, timeout=SECONDS)
        if answer.status_code != 201:
            raise LocalStackError(f"The shop refused an order with {answer.status_code}: {answer.text[:300]}")
        order = answer.json()
        return Placed(order["id"], order["number"], card, Decimal(str(order["total"])))

    def _watch(self, orders: list[Placed], progress: Progress) -> None:
        task = progress.add_task("Settling", total=len(orders))
        began = time.monotonic()
        waiting = list(orders)
        while waiting and time.monotonic() - began < PATIENCE:
            for order in waiting:
                order.status = self._get(f"/api/orders/{order.id}")["status"]
                order.settled_after = time.monotonic() - began
            settled = sum(order.status in FINAL for order in waiting)
            waiting = [order for order in waiting if order.status not in FINAL]
            progress.advance(task, settled)
            time.sleep(0.2 if waiting else 0)

    def _compare(self, orders: list[Placed]) -> list[str]:
        return [
            difference
            for order in orders
            for difference in ledgers_of(self.standins, order.number).differences(order.status, int(order.total * 100))
        ]

    def _print(self, orders: list[Placed], differences: list[str]) -> None:
        table = Table(title=f"{len(orders)} orders, all watched until {max(o.settled_after for o in orders):.1f} s")
        statuses = sorted({order.status for order in orders})
        table.add_column("card")
        for status in statuses:
            table.add_column(status, justify="right")
        counts = Counter((order.card, order.status) for order in orders)
        for card, title in CARDS.items():
            table.add_row(title, *(str(counts[card, status] or "") for status in statuses))
        table.add_section()
        totals = Counter(order.status for order in orders)
        table.add_row("in all", *(str(totals[status]) for status in statuses))
        self.console.print(table)
        verdict = (
            "the shop's books and the three ledgers agree" if not differences else f"{len(differences)} differences"
        )
        self.console.print(f"Ledgers of payments, warehouse and carrier: {verdict}.")
        for difference in differences:
            self.console.print(f"  {difference}", style="red")

    def _get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(f"{self.site}{path}", timeout=SECONDS)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body
