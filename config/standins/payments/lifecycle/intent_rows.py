"""Changes of an intent's row: lock it, check its state, charge it, release it.

Each function runs in its caller's transaction and writes the ledger and the event with the change.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from .. import shapes
from ..errors import invalid, no_such
from ..models import Charge, Intent, LedgerEntry
from ..webhooks import events
from . import disputes

Status = Intent.Status


def locked(intent_id: str) -> Intent:
    """The intent, locked to the end of the transaction: calls about one intent run one after the other."""
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


def charge(intent: Intent, amount: int, key: str) -> dict[str, Any]:
    """Charge `amount` of what is held, and release the rest, which Stripe counts as refunded."""
    taken = latest(intent)
    taken.amount_refunded = taken.amount - amount
    taken.captured, taken.amount_captured, taken.captured_at = True, amount, timezone.now()
    taken.capture_before = None
    intent.status, intent.amount_received, intent.amount_capturable = Status.SUCCEEDED, amount, 0
    taken.save()
    write(intent, "captured", key, amount)
    answer = kept(intent)
    events.of_charge(taken, "captured")
    events.of_intent(intent, "succeeded")
    disputes.perhaps(taken, key)
    return answer


def let_go(intent: Intent, key: str, reason: str) -> dict[str, Any]:
    """Cancel. The ledger's amount is what was held, 0 when nothing was."""
    held, intent.amount_capturable = intent.amount_capturable, 0
    intent.status, intent.cancellation_reason, intent.canceled_at = Status.CANCELED, reason, timezone.now()
    intent.next_action = None
    if held:
        _release(latest(intent), expired=reason == "automatic")
    write(intent, "canceled", key, held)
    answer = kept(intent)
    events.of_intent(intent, "canceled")
    return answer


def latest(intent: Intent) -> Charge:
    """The intent's latest charge, with this intent object in it. Raises Charge.DoesNotExist without one."""
    found = Charge.objects.get(pk=intent.latest_charge)
    found.intent = intent
    return found


def kept(intent: Intent) -> dict[str, Any]:
    intent.save()
    return shapes.intent(intent)


def write(intent: Intent, operation: str, key: str, amount: int, **details: Any) -> None:
    LedgerEntry.write(
        intent.order, operation, key, amount=amount, currency=intent.currency, intent=intent.id, **details
    )


def _release(held: Charge, *, expired: bool) -> None:
    """As at Stripe, a released authorisation counts as refunded in full. The stand-in lists no refund for it."""
    held.amount_refunded, held.capture_before = held.amount, None
    held.save()
    events.of_charge(held, "expired" if expired else "refunded")
