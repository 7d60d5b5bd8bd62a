"""The life of a payment: requires_payment_method → requires_confirmation → requires_capture → succeeded, or canceled.

Each function runs in its caller's transaction, holds the intent's row, writes the ledger with the change, and returns
Stripe's JSON. Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F

from . import cards, shapes
from .changes import Status, charge, declined, expect, kept, let_go, locked, write
from .errors import invalid, server_error
from .models import Intent, new_id

CONFIRMABLE = (Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION)
CAPTURABLE = (Status.REQUIRES_CAPTURE,)
CANCELABLE = (Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CAPTURE, Status.REQUIRES_CONFIRMATION)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An intent to be made. `amount` is in minor units, `currency` in lower case."""

    amount: int
    currency: str
    capture_method: str
    payment_method: str
    description: str
    receipt_email: str
    metadata: dict[str, str]
    confirm: bool

    @property
    def order(self) -> str:
        return self.metadata.get("order", "")[:100]


def create(wanted: Wanted, key: str) -> dict[str, Any]:
    """A new intent; it moves money only when it is to be confirmed at once."""
    name = new_id("pi")
    intent = Intent.objects.create(
        id=name,
        order=wanted.order,
        amount=wanted.amount,
        currency=wanted.currency,
        capture_method=wanted.capture_method,
        payment_method=wanted.payment_method,
        description=wanted.description,
        receipt_email=wanted.receipt_email,
        metadata=wanted.metadata,
        client_secret=new_id(f"{name}_secret"),
        status=Status.REQUIRES_CONFIRMATION if wanted.payment_method else Status.REQUIRES_PAYMENT_METHOD,
    )
    return confirm(intent.id, key) if wanted.confirm else shapes.intent(intent)


def confirm(
    intent_id: str, key: str, *, payment_method: str = "", decline: cards.Decline | None = None
) -> dict[str, Any]:
    """Hold the amount, or charge it when the intent says so. Raises StripeError 402 when the bank declines.

    `decline` has the bank say no whatever the card is.
    """
    intent = locked(intent_id)
    expect(intent, CONFIRMABLE, "confirm", "confirmed")
    intent.payment_method = payment_method or intent.payment_method
    if not intent.payment_method:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, code="payment_intent_unexpected_state", payment_intent=shapes.intent(intent))
    if intent.payment_method == cards.SERVER_ERROR:
        raise server_error()
    intent.latest_charge = new_id("ch")
    if said := decline or cards.decline_of(intent.payment_method):
        raise declined(intent, said)
    intent.last_payment_error = None
    intent.capture_outages = cards.CAPTURE_OUTAGES if intent.payment_method == cards.CAPTURE_FAILS else 0
    intent.status, intent.amount_capturable = Status.REQUIRES_CAPTURE, intent.amount
    write(intent, "authorized", key, intent.amount)
    return charge(intent, intent.amount, key) if intent.capture_method == "automatic" else kept(intent)


def capture(intent_id: str, key: str, *, amount: int | None) -> dict[str, Any]:
    """Charge what is held, or `amount` of it and let the rest go."""
    intent = locked(intent_id)
    expect(intent, CAPTURABLE, "capture", "captured")
    if amount is not None and amount > intent.amount_capturable:
        message = (
            f"You cannot capture {amount}: that is more than the amount you can capture, {intent.amount_capturable}."
        )
        raise invalid(message, code="amount_too_large", param="amount_to_capture")
    return charge(intent, amount or intent.amount_capturable, key)


def cancel(intent_id: str, key: str, *, reason: str) -> dict[str, Any]:
    """Let go of what is held, and refuse whatever comes later for this intent."""
    intent = locked(intent_id)
    expect(intent, CANCELABLE, "cancel", "canceled")
    return let_go(intent, key, reason)


def expire(intent_id: str, key: str, *, code: str) -> dict[str, Any]:
    """Refuse a capture: always raises. Without a `code` because the bank let the authorisation lapse, which cancels
    the intent; with one, nothing changes.
    """
    intent = locked(intent_id)
    expect(intent, CAPTURABLE, "capture", "captured")
    if not code:
        let_go(intent, key, "automatic")
    raise invalid(
        "This charge cannot be captured.", code=code or "charge_expired_for_capture", charge=intent.latest_charge
    )


def fail_capture(intent_id: str) -> bool:
    """Whether this capture is one of those that a `pm_card_captureFails` fails; counts it."""
    failing = Intent.objects.filter(pk=intent_id, capture_outages__gt=0)
    return failing.update(capture_outages=F("capture_outages") - 1) > 0
