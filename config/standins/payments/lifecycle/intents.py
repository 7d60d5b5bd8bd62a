"""The life of a payment: requires_payment_method → requires_confirmation → (requires_action →) requires_capture →
succeeded, or canceled.

Each function runs in its caller's transaction, locks the intent's row, writes the ledger with the change, and returns
Stripe's JSON. Source: https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils import timezone

from .. import cards, shapes
from ..errors import StripeError, invalid, server_error
from ..ids import new_id
from ..models import Intent
from ..webhooks import events
from . import authorization, intent_rows, three_d_secure
from .intent_rows import Status, expect, locked

CONFIRMABLE = (Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION)
CAPTURABLE = (Status.REQUIRES_CAPTURE,)
CANCELABLE = (*CONFIRMABLE, Status.REQUIRES_CAPTURE)
RETURN_URL = (
    "This PaymentIntent accepts payment methods that may redirect the customer, so a `return_url` is needed. "
    "Give one, or create it with `automatic_payment_methods[allow_redirects]` set to `never`."
)
EXPIRED = "The authorization of this charge has expired, so that it cannot be captured."


@dataclass(frozen=True, slots=True)
class Confirmation:
    """How to confirm. `pages` is the URL of the bank's pages; the last two fields forbid a question to the customer."""

    pages: str
    payment_method: str = ""
    return_url: str = ""
    error_on_requires_action: bool = False
    off_session: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new intent. `amount` is in minor units, `currency` in lower case; no `confirmation`: it comes later."""

    amount: int
    currency: str
    capture_method: str
    automatic_payment_methods: dict[str, Any] | None
    payment_method: str
    description: str
    receipt_email: str
    metadata: dict[str, str]
    confirmation: Confirmation | None

    @property
    def order(self) -> str:
        return self.metadata.get("order", "")[:100]


def create(wanted: Wanted, key: str) -> dict[str, Any]:
    """Create an intent; it moves money only when it is confirmed at once."""
    name = new_id("pi")
    intent = Intent.objects.create(
        id=name,
        order=wanted.order,
        amount=wanted.amount,
        currency=wanted.currency,
        capture_method=wanted.capture_method,
        automatic_payment_methods=wanted.automatic_payment_methods,
        payment_method=wanted.payment_method,
        description=wanted.description,
        receipt_email=wanted.receipt_email,
        metadata=wanted.metadata,
        client_secret=new_id(f"{name}_secret"),
        status=Status.REQUIRES_CONFIRMATION if wanted.payment_method else Status.REQUIRES_PAYMENT_METHOD,
    )
    events.of_intent(intent, "created")
    return confirm(intent.id, key, how=wanted.confirmation) if wanted.confirmation else shapes.intent(intent)


def confirm(intent_id: str, key: str, *, how: Confirmation, decline: cards.Decline | None = None) -> dict[str, Any]:
    """Hold the amount, or ask the customer to confirm it first. Raises StripeError 402 when the bank declines.

    With `decline` the bank declines every card.
    """
    intent = locked(intent_id)
    expect(intent, CONFIRMABLE, "confirm", "confirmed")
    intent.payment_method = how.payment_method or intent.payment_method
    intent.return_url = how.return_url or intent.return_url
    _check(intent)
    if intent.payment_method == cards.SERVER_ERROR:
        raise server_error()
    if decline or not cards.needs_authentication(intent.payment_method):
        return authorization.hold(intent, key, decline=decline)
    if how.error_on_requires_action or how.off_session:
        raise three_d_secure.not_asked(intent, off_session=how.off_session)
    return three_d_secure.ask(intent, key, page=f"{how.pages}{intent.id}")


def capture(intent_id: str, key: str, *, amount: int | None) -> dict[str, Any]:
    """Charge the held amount, or `amount` of it and release the rest."""
    intent = locked(intent_id)
    expect(intent, CAPTURABLE, "capture", "captured")
    before = intent_rows.latest(intent).capture_before
    if before and before <= timezone.now():
        raise lapsed(intent, key)
    if amount is not None and amount > intent.amount_capturable:
        message = (
            f"You cannot capture {amount}: that is more than the amount you can capture, {intent.amount_capturable}."
        )
        raise invalid(message, code="amount_too_large", param="amount_to_capture")
    return intent_rows.charge(intent, amount or intent.amount_capturable, key)


def cancel(intent_id: str, key: str, *, reason: str) -> dict[str, Any]:
    """Release the held amount, and refuse all later calls for this intent."""
    intent = locked(intent_id)
    expect(intent, CANCELABLE, "cancel", "canceled")
    return intent_rows.let_go(intent, key, reason)


def lapsed(intent: Intent, key: str) -> StripeError:
    """Cancel an intent whose authorisation has expired; returns the error for the caller."""
    intent_rows.let_go(intent, key, "automatic")
    return invalid(EXPIRED, code="charge_expired_for_capture", charge=intent.latest_charge)


def refuse_capture(intent_id: str, key: str, *, code: str) -> dict[str, Any]:
    """Refuse a capture: always raises. Without a `code` the authorisation has expired; with one, nothing changes."""
    intent = locked(intent_id)
    expect(intent, CAPTURABLE, "capture", "captured")
    if not code:
        raise lapsed(intent, key)
    raise invalid("This charge cannot be captured.", code=code, charge=intent.latest_charge)


def fail_capture(intent_id: str) -> bool:
    """Whether this capture must fail because its card is `pm_card_captureFails`; counts it."""
    failing = Intent.objects.filter(pk=intent_id, capture_outages__gt=0)
    return failing.update(capture_outages=F("capture_outages") - 1) > 0


def _check(intent: Intent) -> None:
    """Raise StripeError when a confirmation lacks what it needs."""
    if not intent.payment_method:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise invalid(message, code="payment_intent_unexpected_state", payment_intent=shapes.intent(intent))
    automatic = intent.automatic_payment_methods or {}
    if automatic.get("allow_redirects") == "always" and not intent.return_url:
        raise invalid(RETURN_URL, param="return_url")
