"""What an operator finds: orders that a company's outage stopped, a refund that failed, letters that cannot be sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.bench.shop.stack import TIMEOUT, Stack
from tests.bench.waiting import until

OUTAGE = 20  # orders that it stops
PLAIN = 8  # orders that are well, and of which no letter can be sent
CALLER = "carol@example.com"
PAUSE = 0.2  # seconds between two looks
GIVEN_UP = 240.0  # seconds within which the letters are: eight tries, the last after two minutes
FAILS_TO_CHARGE, CHARGES, FAILS_TO_REFUND = "pm_card_captureFails", "pm_card_visa", "pm_card_refundFail"
STUCK = "SELECT count(*) FROM saga_run WHERE status = 'stuck' AND name = %s"
CONFIRMED = "SELECT count(*) FROM orders_order WHERE status = 'confirmed' AND email LIKE %s"
DEAD = "SELECT count(*) FROM outbox_dead_letter WHERE subscriber = %s"
SENT = """SELECT count(*) FROM orders_notice letter JOIN orders_order o ON o.id = letter.order_id
WHERE letter.kind = 'confirmation' AND letter.sent_at IS NOT NULL AND o.email LIKE %s"""
LETTER = "orders.email_confirmation"


@dataclass
class Trouble:
    """All of it, in a running shop. `mail` is the folder into which the shop writes letters."""

    stack: Stack
    mail: Path
    number: str = ""
    """Of one of the orders that the outage stopped."""

    def make(self) -> None:
        """Raises BenchError when something does not go wrong as it should."""
        self.skus = self.stack.fill_stock()
        self.mail.write_text("A file where the folder should be: no letter can be written.")
        self._settle(CONFIRMED, "plain%", PLAIN, [self.order(f"plain{n}@example.com", CHARGES) for n in range(PLAIN)])
        returned = [self.order("returns@example.com", FAILS_TO_REFUND)]
        self._settle(CONFIRMED, "returns%", 1, returned)
        line = {"sku": self.skus[0], "quantity": 1}
        self._post(f"/api/orders/{returned[0]['id']}/returns", {"lines": [line]})
        stopped = [self.order(f"outage{n}@example.com", FAILS_TO_CHARGE) for n in range(OUTAGE)]
        stopped.append(self.order(CALLER, FAILS_TO_CHARGE))
        self.number = stopped[0]["number"]
        self._settle(STUCK, "checkout", len(stopped), stopped)
        self._settle(STUCK, "failed_refund", 1, returned)
        self.wait(lambda: self.count(DEAD, LETTER), PLAIN + 1, "Not all letters were given up", GIVEN_UP)

    def mend_mail(self) -> None:
        self.mail.unlink()

    def freeze(self) -> float:
        """Stop a worker in its tracks; the seconds until the shop's own health page says so."""
        begun = time.monotonic()
        self.stack.freeze_worker()
        self.wait(self._is_frozen, 1, "Nobody noticed that a worker is frozen")
        return time.monotonic() - begun

    def order(self, email: str, card: str) -> dict[str, Any]:
        """Place an order of one piece."""
        line = {"sku": self.skus[0], "quantity": 1}
        return self._post("/api/orders", {"email": email, "payment_method": card, "lines": [line]})

    def count(self, statement: str, value: str) -> int:
        with closing(self.stack.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement, [value])
            row = cursor.fetchone()
            return int(row[0]) if row else 0

    def wait(self, count: Callable[[], int], wanted: int, complaint: str, patience: float | None = None) -> None:
        until(count, wanted, PAUSE, self.stack.processes.check_alive, complaint, patience=patience)

    def _settle(self, statement: str, value: str, wanted: int, orders: list[dict[str, Any]]) -> None:
        numbers = f"{orders[0]['number']} to {orders[-1]['number']}"
        self.wait(lambda: self.count(statement, value), wanted, f"{numbers} did not go as they should")

    def _is_frozen(self) -> int:
        return int("frozen" in requests.get(f"{self.stack.site}/healthz", timeout=TIMEOUT).text)

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = requests.post(f"{self.stack.site}{path}", json=body, headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made
