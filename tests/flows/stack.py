"""The whole shop in real processes, and orders that are watched through it from outside."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.test import Client

from config.local.ledger_check import ledgers_of
from orders.coordination.choose import progress_of
from orders.models import JourneyStep, Order
from sagas.models import Attempt, Run
from tests.support.workers import Program, Programs, until

COORDINATIONS = ("saga", "choreography")
SETTLED = ("confirmed", "cancelled", "needs_attention")
WORKER = ("-m", "celery", "-A", "config", "worker", "--pool=threads", "--without-gossip", "--without-mingle")


@dataclass
class Stack:
    """The processes, and a customer."""

    programs: Programs
    standins: Any
    coordination: str = "saga"
    """How the orders are to be carried."""

    def start(self) -> None:
        self.worker = self.start_worker()
        self.relay = self.start_relay()
        self.beat = self.start_beat()

    def start_beat(self) -> Program:
        return self.programs.start("beat", ["-m", "celery", "-A", "config", "beat"])

    def start_worker(self, hostname: str = "") -> Program:
        return self._celery("worker", "sagas,events,webhooks,default", 8, hostname)

    def start_relay(self) -> Program:
        return self._celery("relay", "upkeep", 4)

    def place(self, card: str = "pm_card_visa", lines: Sequence[tuple[str, int]] = (("mug-slate", 2),)) -> Order:
        """Place an order by JSON."""
        body = {
            "email": "ann@example.com",
            "payment_method": card,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
            "coordination": self.coordination,
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

        until(ended, seconds, what=f"{order.number} settles; it is {order.status}: {progress_of(order)!r}")
        return order

    def check_books(self, order: Order) -> None:
        """The three ledgers agree with the order's status, and with what was given back for its returns."""
        amount = int(order.total * 100)
        returned = order.returns.filter(refunded_at__isnull=False).exclude(refund_id="")
        refunded = sum(int(one.amount * 100) for one in returned)
        assert ledgers_of(self.standins.url, order.number).differences(order.status, amount, refunded=refunded) == []

    def _celery(self, name: str, queues: str, threads: int, hostname: str = "") -> Program:
        hostname = hostname or f"{name}-{uuid.uuid4().hex[:6]}@test"
        options = [f"--queues={queues}", f"--concurrency={threads}", f"--hostname={hostname}"]
        return self.programs.start(name, [*WORKER, *options], {"STANDINS_URL": self.standins.url})


def run_of(order: Order) -> Run:
    return Run.objects.get(key=f"order:{order.pk}")


def until_step(order: Order, name: str, status: str = "running") -> None:
    """Wait until the step is in that state, whichever way the order is carried."""
    until(lambda: statuses(order).get(name) == status, 30, what=f"{name} of {order.number} is {status}")


def statuses(order: Order) -> dict[str, str]:
    """Each step's status, whichever way the order is carried."""
    progress = progress_of(order)
    return {step.name: step.status for step in progress.steps} if progress else {}


def attempts_of(order: Order, name: str) -> int:
    """How often the step was tried, whichever way the order is carried."""
    if order.coordination == "choreography":
        return JourneyStep.objects.get(journey=order.pk, name=name).attempts
    return run_of(order).attempts.filter(step=name, direction=Attempt.Direction.FORWARD).count()


def undone_at_all(order: Order) -> bool:
    """Whether any undo was tried, whichever way the order is carried."""
    if order.coordination == "choreography":
        return JourneyStep.objects.filter(journey=order.pk, undo_attempts__gt=0).exists()
    return run_of(order).attempts.filter(direction=Attempt.Direction.UNDO).exists()
