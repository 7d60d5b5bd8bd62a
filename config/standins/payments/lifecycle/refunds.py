"""Refunds: at most as much as was charged.

Source: https://docs.stripe.com/refunds
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from .. import cards, shapes
from ..errors import StripeError, invalid
from ..models import Charge, Dispute, Refund
from ..webhooks import events
from . import intent_rows
from .intent_rows import Status, expect, locked

SETTLING = timedelta(seconds=2)
"""The delay of the bank's final answer; short enough to watch."""
FIRST = {cards.REFUND_PENDS: Refund.Status.PENDING}
LAST = {cards.REFUND_PENDS: Refund.Status.SUCCEEDED, cards.REFUND_FAILS: Refund.Status.FAILED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A refund to make. `amount` is in minor units; None: all that is left."""

    intent_id: str
    amount: int | None
    reason: str
    metadata: dict[str, str]


def create(wanted: Wanted, key: str) -> dict[str, Any]:
    """Raises StripeError when nothing was charged, less than that is left, or the customer disputes the charge."""
    intent = locked(wanted.intent_id)
    expect(intent, (Status.SUCCEEDED,), "refund", "refunded")
    charge = intent_rows.latest(intent)
    amount = _refundable(charge, wanted.amount)
    charge.amount_refunded += amount
    charge.save(update_fields=["amount_refunded"])
    row = Refund.objects.create(
        intent=intent,
        amount=amount,
        reason=wanted.reason,
        metadata=wanted.metadata,
        status=FIRST.get(charge.payment_method, Refund.Status.SUCCEEDED),
        settles_at=timezone.now() + SETTLING if charge.payment_method in LAST else None,
    )
    intent_rows.write(intent, "refunded", key, amount, refund=row.id)
    events.of_refund(row, "created")
    events.of_charge(charge, "refunded")
    return shapes.refund(row)


def settle(refund_id: str) -> None:
    """Record the bank's final answer: the refund arrived, or the money came back to the shop's balance."""
    intent = locked(Refund.objects.values_list("intent_id", flat=True).get(pk=refund_id))
    row = Refund.objects.select_for_update().get(pk=refund_id)
    if row.settles_at is None:
        return
    row.intent, charge = intent, intent_rows.latest(intent)
    row.status, row.settles_at = LAST[charge.payment_method], None
    failed = row.status == Refund.Status.FAILED
    row.failure_reason = "unknown" if failed else ""
    row.save()
    if failed:
        charge.amount_refunded -= row.amount
        charge.save(update_fields=["amount_refunded"])
        intent_rows.write(intent, "refund_failed", "", row.amount, refund=row.id)
        events.of_refund(row, "failed")
    events.of_refund(row, "updated")


def _refundable(charge: Charge, wanted: int | None) -> int:
    """The amount to refund, in minor units. Raises StripeError as `create` says."""
    if Dispute.objects.filter(charge=charge).exclude(status=Dispute.Status.WON).exists():
        raise _disputed(charge)
    left = charge.amount - charge.amount_refunded
    if not left:
        raise invalid(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if (wanted or left) > left:
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, code="amount_too_large", param="amount")
    return wanted or left


def _disputed(charge: Charge) -> StripeError:
    message = f"Charge {charge.id} has been charged back; cannot issue a refund."
    return invalid(message, code="charge_disputed", charge=charge.id)
