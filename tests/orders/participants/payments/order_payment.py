"""An order at the card processor, through the shop's own client and against the real stand-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import requests

from orders.participants import payments
from orders.participants.errors import AnswerLost
from tests.support.standins import Standins

IN_TIME = timedelta(seconds=10)
BACK = "http://shop.example/orders/1/returned"


@dataclass
class Paying:
    """One order's payment, asked for as the checkout does: authorise and capture under keys of their own."""

    standins: Standins
    card: str = "pm_card_visa"

    def __post_init__(self) -> None:
        self.number = f"S-{uuid4().hex[:12]}"
        self.wish = payments.PaymentRequest(self.number, 4200, "EUR", self.card, "ann@example.com", return_url=BACK)

    def authorize(self) -> payments.Authorization:
        return payments.authorize(self.wish, key=self.number, timeout=IN_TIME)

    def capture(self, intent_id: str) -> payments.Capture:
        return payments.capture(intent_id, key=f"{self.number}:capture", timeout=IN_TIME, renew=self.wish)

    def find_capture(self, intent_id: str) -> payments.Capture | None:
        return payments.find_capture(intent_id, timeout=IN_TIME, renew=self.wish)

    def void(self, intent_id: str = "") -> None:
        payments.void(self.wish, key=self.number, timeout=IN_TIME, intent_id=intent_id)

    def action(self) -> payments.Action:
        """What the bank wants of the customer; fails when it wants nothing."""
        try:
            held = self.authorize()
        except payments.ActionRequired as wanted:
            return wanted.action
        raise AssertionError(f"The bank asked for nothing and holds {held}.")

    def fault(self, operation: str, kind: str, times: int = 1, code: str = "") -> None:
        self.standins.fault("payments", operation=operation, kind=kind, order=self.number, times=times, code=code)

    def did(self) -> list[str]:
        """The ledger: what really happened."""
        return [entry["operation"] for entry in self.standins.ledger("payments", self.number)]

    def balance(self) -> tuple[int, int]:
        """What the bank holds for the order and has not let go or charged, and how often it charged."""
        amount = {"authorized": 1, "canceled": -1, "captured": -1}
        entries = self.standins.ledger("payments", self.number)
        held = sum(amount.get(entry["operation"], 0) * entry["amount"] for entry in entries)
        return held, self.did().count("captured")


def answer(url: str, word: str) -> str:
    """What the customer does on the bank's page, `confirm` or `refuse`; returns where it sends them."""
    response = requests.post(url, data={"answer": word}, timeout=10, allow_redirects=False)
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def until_answered(ask: Callable[[], payments.Capture], most: int = 5) -> payments.Capture:
    """Ask again under the same key while answers are lost, as a step does."""
    for _ in range(most):
        try:
            return ask()
        except AnswerLost:
            continue
    raise AssertionError(f"No answer in {most} attempts.")
