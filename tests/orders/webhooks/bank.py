"""A card processor of one payment, by hand: it stands where `orders/participants/payments.py` would call Stripe."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders.participants import carrier, payments, warehouse
from orders.participants.errors import AnswerLost
from sagas.errors import Refused

INTENT = "pi_1"


def nothing() -> None:
    """Happens."""


@dataclass
class Bank:
    """`state` is the payment's status; the customer is asked when `asks`."""

    asks: bool = False
    state: str = "requires_confirmation"
    charges: int = 0
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    answers_lost: int = 0
    """Captures that are applied and whose answer does not arrive."""
    silent: bool = False
    """Whether nobody can ask what became of a capture."""
    ours: bool = True
    """Whether the payment that it is asked about is the order's."""
    asked: list[payments.Owner] = field(default_factory=list)
    meanwhile: Callable[[], object] = nothing
    """Called when a capture is applied, before its answer."""

    def authorize(self, request: payments.PaymentRequest, **_: Any) -> payments.Authorization:
        if self.state == "requires_confirmation":
            self.state = "requires_action" if self.asks else "requires_capture"
        match self.state:
            case "requires_action":
                raise payments.ActionRequired(payments.Action(INTENT, "https://bank.example/3ds", self.asked_at))
            case "requires_payment_method":
                raise Refused("authentication_failed")
        return payments.Authorization(INTENT, request.amount, request.currency)

    def void(self, *_: Any, **__: Any) -> None:
        if self.state == "succeeded":
            raise Refused("already_captured")
        self.state = "canceled"

    def capture(self, intent_id: str, **_: Any) -> payments.Capture:
        if self.state == "canceled":
            raise Refused("canceled")
        self.charges += self.state == "requires_capture"
        self.state = "succeeded"
        lost = self.answers_lost > 0
        self.answers_lost -= lost
        self.meanwhile()
        if lost:
            raise AnswerLost("payments", "no answer")
        return payments.Capture(intent_id, 16600)

    def find_capture(self, intent_id: str, **_: Any) -> payments.Capture | None:
        if self.silent:
            raise AnswerLost("payments", "no answer")
        return payments.Capture(intent_id, 16600) if self.state == "succeeded" else None

    def state_of(self, _intent_id: str, *, whose: payments.Owner, **_: Any) -> str:
        self.asked.append(whose)
        return self.state if self.ours else ""

    def takes_the_place_of_stripe(self, patch: pytest.MonkeyPatch) -> None:
        """And warehouse and carrier do as they are asked."""
        for name in ("authorize", "void", "capture", "find_capture", "state_of"):
            patch.setattr(payments, name, getattr(self, name))
        patch.setattr(warehouse, "reserve", lambda *_, key, **__: warehouse.Reservation(key, "reserved", ()))
        patch.setattr(warehouse, "release", lambda *_, **__: None)
        patch.setattr(warehouse, "commit", lambda *_, key, **__: warehouse.Reservation(key, "committed", ()))
        patch.setattr(carrier, "book", lambda *_, key, **__: carrier.Booking(key, "label", "booked"))
        patch.setattr(carrier, "cancel", lambda *_, **__: None)
        patch.setattr(carrier, "dispatch", lambda *_, key, **__: carrier.Parcel(key, "SC-1"))


class Held:
    """A point at which a worker stops until the test lets it go on."""

    def __init__(self) -> None:
        self._reached, self._go_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self._reached.set()
        assert self._go_on.wait(20), "nobody let the worker go on"

    def wait_until_reached(self) -> None:
        assert self._reached.wait(20), "the worker never came here"

    def release(self) -> None:
        self._go_on.set()


LATER = timedelta(minutes=5)
