"""What can happen to an intent's row: held, refused by its state, declined, charged, let go.

Each runs in its caller's transaction and writes the ledger with the change.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from . import cards, shapes
from .errors import StripeError, invalid, no_such
from .models import Intent, LedgerEntry

Status = Intent.Status


def locked(intent_id: str) -> Intent:
    """The intent, with its row held to the end of the transaction: calls about one intent take turns."""
    intent = Intent.objects.select_for_update().filter(pk=intent_id).first()
    if intent is None:
        raise no_such("payment_intent", intent_id, param="intent", status=404)
    return intent


def expect(intent: Intent, allowed: tuple[Status, ...], verb: str, done: str) -> None:
    """Raise StripeError payment_intent_unexpected_state unless the intent is in one of the states."""
    if intent.status not in allowed:
        message = (
            f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. "
            f"Only a PaymentIntent with one of the following statuses may be {done}: {', '.join(allowed)}."
        )
        raise invalid(message, code="payment_intent_unexpected_state", payment_intent=shapes.intent(intent))


def declined(intent: Intent, decline: cards.Decline) -> StripeError:
    """Keep the bank's no with the intent, which then wants another payment method."""
    said = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "charge": intent.latest_charge,
        "payment_method": {"id": intent.payment_method, "object": "payment_method", "type": "card"},
    }
    intent.last_payment_error = {"type": "card_error", "message": decline.message, **said}
    intent.status, intent.payment_method = Status.REQUIRES_PAYMENT_METHOD, ""
    return StripeError(402, "card_error", decline.message, payment_intent=kept(intent), **said)


def charge(intent: Intent, amount: int, key: str) -> dict[str, Any]:
    intent.status, intent.amount_received, intent.amount_capturable = Status.SUCCEEDED, amount, 0
    write(intent, "captured", key, amount)
    return kept(intent)


def let_go(intent: Intent, key: str, reason: str) -> dict[str, Any]:
    """Cancel; the ledger's amount is what was held, 0 when nothing was."""
    held, intent.amount_capturable = intent.amount_capturable, 0
    intent.status, intent.cancellation_reason, intent.canceled_at = Status.CANCELED, reason, timezone.now()
    write(intent, "canceled", key, held)
    return kept(intent)


def kept(intent: Intent) -> dict[str, Any]:
    intent.save()
    return shapes.intent(intent)


def write(intent: Intent, operation: str, key: str, amount: int) -> None:
    LedgerEntry.write(intent.order, operation, key, amount=amount, currency=intent.currency, intent=intent.id)
