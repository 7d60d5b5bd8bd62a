"""The card processors that the contract is held against: the stand-in, and Stripe itself in test mode."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from orders.participants import payments
from orders.participants.payments import PaymentRequest

KEY = "STRIPE_TEST_KEY"
NAMES = ["the stand-in", "Stripe"] if os.environ.get(KEY) else ["the stand-in"]
STRIPE = "https://api.stripe.com"
IN_TIME = timedelta(seconds=30)
BACK = "https://shop.example/orders/1"
SECURE = "pm_card_authenticationRequired"
ALWAYS = {"enabled": True, "allow_redirects": "always"}
NO_KEY = f"set {KEY} to a test key (sk_test_… or rk_test_…) to hold the contract against Stripe itself"


@dataclass
class Processor:
    """One of them, with an order of the test's own."""

    name: str
    key: str
    url: str
    order: str = field(default_factory=lambda: f"S-{uuid.uuid4().hex[:12]}")

    @property
    def api(self) -> Any:
        """The official SDK, without retries of its own."""
        return StripeClient(self.key, base_addresses={"api": self.url}, max_network_retries=0).v1

    def request(self, card: str = "pm_card_visa", amount: int = 4200) -> PaymentRequest:
        return PaymentRequest(self.order, amount, "EUR", card, "ann@example.com")

    def create(self, card: str = "pm_card_visa", key: str = "", **more: Any) -> stripe.PaymentIntent:
        """An intent as the shop makes one, not confirmed."""
        wanted = {
            "amount": 4200,
            "currency": "eur",
            "capture_method": "manual",
            "payment_method": card,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order": self.order},
        }
        made: stripe.PaymentIntent = self.api.payment_intents.create({**wanted, **more}, by(key))
        return made


def by(key: str) -> dict[str, str]:
    return {"idempotency_key": key} if key else {}


def stripe_itself() -> Processor:
    """Skips the test without a key, and fails it with one that could move money."""
    key = os.environ.get(KEY, "")
    if not key:
        pytest.skip(NO_KEY)
    if not key.startswith(("sk_test_", "rk_test_")):
        pytest.fail(f"{KEY} is no test key; no test may move money.")
    return Processor("Stripe", key, STRIPE)


def hold(processor: Processor, card: str = "pm_card_visa", **more: Any) -> payments.Authorization:
    """By the shop's own client."""
    return payments.authorize(replace(processor.request(card), **more), key=processor.order, timeout=IN_TIME)


def charge(processor: Processor, card: str = "pm_card_visa") -> stripe.Charge:
    """Held and captured."""
    intent = hold(processor, card).intent_id
    payments.capture(intent, key=f"{processor.order}:capture", timeout=IN_TIME)
    return charge_of(processor, intent)


def charge_of(processor: Processor, intent: str) -> stripe.Charge:
    expanded = processor.api.payment_intents.retrieve(intent, {"expand": ["latest_charge"]}).latest_charge
    assert isinstance(expanded, stripe.Charge)
    return expanded
