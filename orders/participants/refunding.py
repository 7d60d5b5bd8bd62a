"""Giving back what a card was charged, and finding out later what became of it.

Stripe forgets idempotency keys after 24 hours; each refund keeps its key in its metadata too, so that it can be looked
for by it among the refunds of its payment, whenever that is.
Source: https://docs.stripe.com/api/refunds
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import stripe

from sagas.errors import Refused

from .stripe_client import client, options, translated

FAILED = ("failed", "canceled")
"""Of a refund's statuses, those in which the money is ours again; `pending` and `succeeded` are on their way."""
PAGE = 100


@dataclass(frozen=True, slots=True)
class Refund:
    """An amount, in minor units, that was given back."""

    refund_id: str
    amount: int


def refund(intent_id: str, *, amount: int, key: str, timeout: timedelta) -> Refund:
    """Give back `amount` minor units. Raises Refused with Stripe's code: `charge_already_refunded`, `charge_disputed`,
    `amount_too_large`; `refund_failed` where it is made and has failed at once."""
    with translated():
        wanted: stripe.params.RefundCreateParams = {
            "payment_intent": intent_id,
            "amount": amount,
            "metadata": {"key": key},
        }
        made = client(timeout).v1.refunds.create(wanted, options(key))
    if made.status in FAILED:
        raise Refused("refund_failed", f"The refund {made.id} is {made.status}")
    return Refund(made.id, made.amount)


def find(intent_id: str, *, key: str, timeout: timedelta) -> Refund | None:
    """What became of `refund` with this key; None when it was not made, or has failed. Moves no money."""
    with translated():
        found = client(timeout).v1.refunds.list({"payment_intent": intent_id, "limit": PAGE}, options())
        made = [one for one in found.auto_paging_iter() if getattr(one.metadata, "key", "") == key]
    return next((Refund(one.id, one.amount) for one in made if one.status not in FAILED), None)


def status(refund_id: str, *, timeout: timedelta) -> str:
    """What the processor says of the refund: pending, succeeded, failed, canceled or requires_action."""
    with translated():
        return client(timeout).v1.refunds.retrieve(refund_id, {}, options()).status or ""
