"""Gives charged money back, never more than was charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import shapes
from .changes import Status, expect, locked
from .errors import invalid
from .models import LedgerEntry, Refund


@dataclass(frozen=True, slots=True)
class Wanted:
    """A refund to be made: `amount` minor units, None for all that is left."""

    intent_id: str
    amount: int | None
    reason: str
    metadata: dict[str, str]


def create(wanted: Wanted, key: str) -> dict[str, Any]:
    """Raises StripeError when nothing was charged or less than that is left of it."""
    intent = locked(wanted.intent_id)
    expect(intent, (Status.SUCCEEDED,), "refund", "refunded")
    left = intent.amount_received - intent.amount_refunded
    if not left:
        raise invalid(f"Charge {intent.latest_charge} has already been refunded.", code="charge_already_refunded")
    amount = wanted.amount or left
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, code="amount_too_large", param="amount")
    intent.amount_refunded += amount
    intent.save(update_fields=["amount_refunded"])
    row = Refund.objects.create(intent=intent, amount=amount, reason=wanted.reason, metadata=wanted.metadata)
    details = {"amount": amount, "currency": intent.currency, "intent": intent.id, "refund": row.id}
    LedgerEntry.write(intent.order, "refunded", key, **details)
    return shapes.refund(row)
