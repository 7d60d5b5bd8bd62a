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

from . import identity
from .minor_units import Minor
from .stripe_client import client, is_replayed, options, translated

FAILED = ("failed", "canceled")
"""Of a refund's statuses, those in which the money is ours again; `pending` and `succeeded` are on their way."""
PAGE = 100


@dataclass(frozen=True, slots=True)
class Refund:
    """An amount, in minor units, that was given back."""

    refund_id: str
    amount: Minor


def refund(intent_id: str, *, key: str, timeout: timedelta, amount: int | None = None) -> Refund:
    """Give back what was charged, or `amount` minor units of it.

    Raises Refused with Stripe's code: `charge_already_refunded`, `charge_disputed`, `amount_too_large`;
    `refund_failed` where it is made and has failed by now.
    """
    wanted: stripe.params.RefundCreateParams = {"payment_intent": intent_id, "metadata": identity.signed({"key": key})}
    if amount is not None:
        wanted["amount"] = amount
    try:
        with translated():
            made = client(timeout).v1.refunds.create(wanted, options(key))
    except stripe.IdempotencyError:  # asked for in other words, by an earlier version of us or under another identity
        known = find(intent_id, key=key, timeout=timeout)
        if known is None:
            raise
        return known
    with translated():
        if made.last_response is not None and is_replayed(made.last_response.headers):
            made = client(timeout).v1.refunds.retrieve(made.id, {}, options())  # it may have failed since
    if made.status in FAILED:
        raise Refused("refund_failed", f"The refund {made.id} is {made.status}")
    return Refund(made.id, made.amount)


def find(intent_id: str, *, key: str, timeout: timedelta) -> Refund | None:
    """What became of `refund` with this key; None when it was not made, or has failed. Moves no money."""
    with translated():
        found = client(timeout).v1.refunds.list({"payment_intent": intent_id, "limit": PAGE}, options())
        made = [one for one in found.auto_paging_iter() if getattr(one.metadata, "key", "") == key]
    return next((Refund(one.id, one.amount) for one in made if one.status not in FAILED), None)


def failure(refund_id: str, *, timeout: timedelta) -> str:
    """Why the refund failed, in Stripe's words, such as `lost_or_stolen_card`; "" while it has not failed."""
    with translated():
        one = client(timeout).v1.refunds.retrieve(refund_id, {}, options())
    return (one.failure_reason or "unknown") if one.status in FAILED else ""
