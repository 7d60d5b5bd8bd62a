"""Disputes: a customer asks the bank for the money back. The money leaves the shop's balance until the bank decides.

Source: https://docs.stripe.com/disputes/how-disputes-work
"""

from __future__ import annotations

from typing import Any

from .. import cards, shapes
from ..errors import invalid, no_such
from ..models import Charge, Dispute, Fault, LedgerEntry
from ..webhooks import events

Status = Dispute.Status


def perhaps(charge: Charge, key: str) -> None:
    """Dispute a charge that was just captured, if its card or a fault wants that."""
    reason = cards.DISPUTED.get(charge.payment_method, "")
    if not reason and Fault.take_uncalled("dispute", "open", charge.intent.order):
        reason = "fraudulent"
    if reason:
        open_(charge, key, reason)


def open_(charge: Charge, key: str, reason: str) -> None:
    """Open a dispute. Runs in the caller's transaction, which has locked the intent's row."""
    left = charge.amount - charge.amount_refunded
    row = Dispute.objects.create(charge=charge, amount=left, reason=reason)
    charge.disputed = True
    charge.save(update_fields=["disputed"])
    _write(row, "disputed", key)
    events.of_dispute(row, "created")
    events.of_dispute(row, "funds_withdrawn")


def close(dispute_id: str, key: str, *, won: bool = False) -> dict[str, Any]:
    """End a dispute: `won` by the shop, or lost. Raises StripeError when it has ended already."""
    row = locked(dispute_id)
    if row.status != Status.NEEDS_RESPONSE:
        raise invalid("This dispute is already closed.")
    row.status = Status.WON if won else Status.LOST
    row.save(update_fields=["status"])
    if won:
        _write(row, "dispute_won", key)
        events.of_dispute(row, "funds_reinstated")
    events.of_dispute(row, "closed")
    return shapes.dispute(row)


def locked(dispute_id: str) -> Dispute:
    rows = Dispute.objects.select_for_update(of=("self",)).select_related("charge__intent")
    row = rows.filter(pk=dispute_id).first()
    if row is None:
        raise no_such("dispute", dispute_id, param="id", status=404)
    return row


def _write(row: Dispute, operation: str, key: str) -> None:
    intent = row.charge.intent
    details = {"amount": row.amount, "currency": intent.currency, "intent": intent.id, "dispute": row.id}
    LedgerEntry.write(intent.order, operation, key, **details)
