"""The whole shop in real processes, and orders that are watched through it from outside."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.test import Client

from config.local.books import ledgers_of
from orders.models import Order
from sagas.models import Run
from tests.workers import Program, Programs, until

SETTLED = ("confirmed", "cancelled", "needs_attention")
WORKER = ("-m", "celery", "-A", "config", "worker", "--pool=threads", "--without-gossip", "--without-mingle")


@dataclass
class Stack:
    """The processes, and a customer."""

    programs: Programs
    standins: Any

    def start(self) -> None:
        self.worker = self.start_worker()
        self.relay = self.start_relay()
        self.beat = self.programs.start("beat", ["-m", "celery", "-A", "config", "beat"])

    def start_worker(self) -> Program:
        return self._celery("worker", "sagas,events,default", 8)

    def start_relay(self) -> Program:
        return self._celery("relay", "upkeep", 4)

    def place(self, card: str = "pm_card_visa", lines: Sequence[tuple[str, int]] = (("mug-slate", 2),)) -> Order:
        """Place an order by JSON."""
        body = {
            "email": "ann@example.com",
            "payment_method": card,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        }
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = Client(headers=headers).post("/api/orders", body, content_type="application/json")
        assert answer.status_code == 201, answer.content
        return Order.objects.get(pk=answer.json()["id"])

    def settled(self, order: Order, seconds: float = 40) -> Order:
        """The order once it has settled; fails the test when it has not within `seconds`."""

        def ended() -> bool:
            order.refresh_from_db()
            return order.status in SETTLED

        until(ended, seconds, what=f"{order.number} settles; it is {order.status}, its run {run_of(order)!r}")
        return order

    def check_books(self, order: Order) -> None:
        """The three ledgers agree with the order's status."""
        amount = int(order.total * 100)
        assert ledgers_of(self.standins.url, order.number).differences(order.status, amount) == []

    def _celery(self, name: str, queues: str, threads: int) -> Program:
        options = [f"--queues={queues}", f"--concurrency={threads}", f"--hostname={name}-{uuid.uuid4().hex[:6]}@test"]
        return self.programs.start(name, [*WORKER, *options], {"STANDINS_URL": self.standins.url})


def run_of(order: Order) -> Run:
    return Run.objects.get(key=f"order:{order.pk}")
