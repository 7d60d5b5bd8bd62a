"""One order's dealings with the payments stand-in, by the official Stripe SDK over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import requests
import stripe

from tests.support.standins import API_KEY, Standins

STATE = "payment_intent_unexpected_state"


class Shop:
    """One order's dealings with the card processor."""

    def __init__(self, standins: Standins) -> None:
        self.standins = standins
        self.url = f"{standins.url}/payments"
        self.order = f"S-{uuid.uuid4().hex[:8]}"
        self.api = stripe.StripeClient(API_KEY, base_addresses={"api": self.url}, max_network_retries=0).v1
        self.intents = self.api.payment_intents

    def create(self, card: str = "pm_card_visa", key: str = "", **more: Any) -> stripe.PaymentIntent:
        wanted = {
            "amount": 16600,
            "currency": "eur",
            "capture_method": "manual",
            "payment_method": card,
            "allowed_payment_method_types": ["card"],
            "description": f"Order {self.order}",
            "receipt_email": "ann@example.com",
            "metadata": {"order": self.order},
        }
        return self.intents.create({**wanted, **more}, by(key))  # type: ignore[typeddict-item]

    def held(self, card: str = "pm_card_visa") -> stripe.PaymentIntent:
        """A confirmed intent."""
        return self.intents.confirm(self.create(card).id)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.standins.fault("payments", operation=operation, kind=kind, order=self.order, times=1, **more)

    def did(self) -> list[tuple[str, int]]:
        """The ledger: what really happened, and the amount."""
        return [(entry["operation"], entry["amount"]) for entry in self.standins.ledger("payments", self.order)]

    def post(
        self, path: str, key: str = "", headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> requests.Response:
        """Without the SDK, to see status and headers."""
        sent = {"Authorization": f"Bearer {API_KEY}", **({"Idempotency-Key": key} if key else {}), **(headers or {})}
        return requests.post(f"{self.url}/v1/{path}", data=form, headers=sent, timeout=10)


def by(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key} if key else {}


def new_key() -> str:
    return uuid.uuid4().hex
