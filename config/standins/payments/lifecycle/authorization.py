"""Asks the card's bank to hold an amount, and records its answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from .. import cards
from ..errors import StripeError
from ..models import Charge, Fault, Intent
from ..webhooks import events
from . import intent_rows
from .intent_rows import Status

HELD_FOR = timedelta(days=7)
"""https://docs.stripe.com/payments/place-a-hold-on-a-payment-method: a payment that the customer makes online."""
SAID_NO_TO_3DS = "The provided PaymentMethod has failed authentication. Give a new one to try this payment again."


def hold(
    intent: Intent, key: str, *, decline: cards.Decline | None = None, authenticated: bool = False
) -> dict[str, Any]:
    """Hold the amount, or charge it when the intent says so. Raises StripeError 402 when the bank declines.

    With `decline` the bank declines every card.
    """
    intent.next_action = None
    if said := decline or cards.decline_of(intent.payment_method):
        raise declined(intent, said, charged=True)
    first = not Charge.objects.filter(intent__order=intent.order, payment_method=intent.payment_method).exists()
    made = Charge.objects.create(
        intent=intent,
        amount=intent.amount,
        payment_method=intent.payment_method,
        authenticated=authenticated,
        capture_before=_end(intent, first=first),
    )
    intent.latest_charge, intent.last_payment_error = made.id, None
    intent.capture_outages = cards.CAPTURE_OUTAGES if intent.payment_method == cards.CAPTURE_FAILS else 0
    intent.status, intent.amount_capturable = Status.REQUIRES_CAPTURE, intent.amount
    intent_rows.write(intent, "authorized", key, intent.amount)
    answer = intent_rows.kept(intent)
    events.of_charge(made, "succeeded")
    if intent.capture_method == "automatic":
        return intent_rows.charge(intent, intent.amount, key)
    events.of_intent(intent, "amount_capturable_updated")
    return answer


def declined(intent: Intent, decline: cards.Decline, *, charged: bool) -> StripeError:
    """Store the bank's decline with the intent, which then needs another payment method.

    `charged` says whether the bank was asked for the money, which leaves a failed charge.
    """
    if charged:
        intent.latest_charge = _failed(intent, decline).id
    said = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "charge": intent.latest_charge or None,
        "payment_method": _method(intent),
    }
    answer = _unpaid(intent, {"type": "card_error", "message": decline.message, **said})
    return StripeError(402, "card_error", decline.message, payment_intent=answer, **said)


def unauthenticated(intent: Intent) -> None:
    """The customer has refused this payment at the bank."""
    said = {"code": "payment_intent_authentication_failure", "payment_method": _method(intent)}
    _unpaid(intent, {"type": "invalid_request_error", "message": SAID_NO_TO_3DS, **said})


def _failed(intent: Intent, decline: cards.Decline) -> Charge:
    made = Charge.objects.create(
        intent=intent,
        status=Charge.Status.FAILED,
        amount=intent.amount,
        payment_method=intent.payment_method,
        failure_code=decline.code,
        failure_message=decline.message,
    )
    events.of_charge(made, "failed")
    return made


def _unpaid(intent: Intent, error: dict[str, Any]) -> dict[str, Any]:
    intent.last_payment_error = {name: value for name, value in error.items() if value is not None}
    intent.status, intent.payment_method, intent.next_action = Status.REQUIRES_PAYMENT_METHOD, "", None
    answer = intent_rows.kept(intent)
    events.of_intent(intent, "payment_failed")
    return answer


def _method(intent: Intent) -> dict[str, Any]:
    return {"id": intent.payment_method, "object": "payment_method", "type": "card"}


def _end(intent: Intent, *, first: bool) -> datetime:
    """When the authorisation expires."""
    gone = intent.payment_method == cards.AUTHORIZATION_EXPIRES and first
    gone = gone or Fault.take_uncalled("authorization", "expire", intent.order) is not None
    return timezone.now() if gone else timezone.now() + HELD_FOR
