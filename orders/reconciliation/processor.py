"""The card processor's books, read through the official SDK. Nothing here moves money.

Sources: https://docs.stripe.com/api/payment_intents/list and https://docs.stripe.com/api/disputes/object
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe

from orders.participants import identity
from orders.participants.stripe_client import client, options, translated

PAGE = 100  # the most that Stripe gives at once
UNSETTLED = frozenset({"requires_capture", "requires_action", "processing"})
"""Statuses of a payment whose money is held, or could be without our doing."""
DISPUTE_OPEN = frozenset({"warning_needs_response", "warning_under_review", "needs_response", "under_review"})
DISPUTE_CLOSED = ("won", "lost", "warning_closed", "prevented")
"""Source: https://docs.stripe.com/api/disputes/object#dispute_object-status"""


@dataclass(frozen=True, slots=True)
class Theirs:
    """One payment as the processor keeps it. Amounts are in minor units of the currency."""

    payment_intent: str
    order_number: str
    """As our own client wrote it on the payment; "" for a payment that is not one of the shop's."""
    status: str
    charged: int
    refunded: int
    currency: str
    by_us: bool
    """Whether our own identity stands on it."""

    @property
    def unsettled(self) -> bool:
        """Whether the bank keeps money back for us, or could without our doing."""
        return self.status in UNSETTLED


@dataclass(frozen=True, slots=True)
class Disputed:
    """A charge that the customer disputes at their bank."""

    dispute: str
    payment_intent: str
    amount: int
    currency: str
    reason: str
    status: str
    answer_by: datetime | None
    order_number: str
    """By our own identity and number on the payment; "" for one that carries none of ours."""

    @property
    def is_open(self) -> bool:
        return self.status in DISPUTE_OPEN


def payments(since: datetime, until: datetime, *, timeout: timedelta) -> Iterator[Theirs]:
    """Every payment made in [since, until), the newest first. `timeout` bounds each page's silence."""
    params: stripe.params.PaymentIntentListParams = {
        "created": {"gte": int(since.timestamp()), "lt": math.ceil(until.timestamp())},  # theirs are whole seconds
        "limit": PAGE,
        "expand": ["data.latest_charge"],
    }
    with translated():
        page = client(timeout).v1.payment_intents.list(params, options())
        for intent in page.auto_paging_iter():
            yield _theirs(intent)


def payment(payment_intent: str, *, timeout: timedelta) -> Theirs:
    """One payment as it stands now. Raises Refused for an id that the processor does not know."""
    with translated():
        return _theirs(
            client(timeout).v1.payment_intents.retrieve(payment_intent, {"expand": ["latest_charge"]}, options())
        )


def disputes(since: datetime, *, timeout: timedelta) -> Iterator[Disputed]:
    """Every dispute opened since then."""
    params: stripe.params.DisputeListParams = {
        "created": {"gte": int(since.timestamp())},
        "limit": PAGE,
        "expand": ["data.payment_intent"],
    }
    with translated():
        for dispute in client(timeout).v1.disputes.list(params, options()).auto_paging_iter():
            yield _disputed(dispute)


def disputes_of(payment_intent: str, *, timeout: timedelta) -> list[Disputed]:
    """Every dispute about a payment, open or decided."""
    params: stripe.params.DisputeListParams = {
        "payment_intent": payment_intent,
        "limit": PAGE,
        "expand": ["data.payment_intent"],
    }
    with translated():
        found = client(timeout).v1.disputes.list(params, options())
        return [_disputed(one) for one in found.auto_paging_iter()]


def dispute(dispute_id: str, *, timeout: timedelta) -> Disputed:
    """One dispute as it stands now."""
    with translated():
        return _disputed(client(timeout).v1.disputes.retrieve(dispute_id, {"expand": ["payment_intent"]}, options()))


def _theirs(intent: stripe.PaymentIntent) -> Theirs:
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    refunded = _given_back(charge) if charge is not None and charge.captured else 0
    return Theirs(
        intent.id,
        identity.order_of(intent.metadata),
        intent.status,
        intent.amount_received,
        refunded,
        intent.currency.upper(),
        identity.by_us(intent.metadata),
    )


def _given_back(charge: stripe.Charge) -> int:
    """What of the money taken came back. What was held and never taken counts as refunded with Stripe, too."""
    return max(charge.amount_refunded - (charge.amount - charge.amount_captured), 0)


def _disputed(found: stripe.Dispute) -> Disputed:
    intent = found.payment_intent
    metadata = intent.metadata if isinstance(intent, stripe.PaymentIntent) else None
    due = found.evidence_details.due_by if found.evidence_details else None
    return Disputed(
        found.id,
        intent if isinstance(intent, str) else (intent.id if intent else ""),
        found.amount,
        found.currency.upper(),
        found.reason,
        found.status,
        datetime.fromtimestamp(due, UTC) if due else None,
        identity.order_of(metadata) if identity.by_us(metadata) else "",
    )
