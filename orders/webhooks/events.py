"""The fact that the webhooks publish."""

from __future__ import annotations

from dataclasses import dataclass

from outbox import event


@event("webhooks.payment_reported", version=1)
@dataclass(frozen=True)
class PaymentReported:
    """The card processor says that something has happened to a payment. `key` is `order:<id>` or `trip:<id>`, when
    that is known.

    A doorbell: reports come late, doubled and in any order, so ask the processor how things stand now.
    """

    event_id: str
    """Stripe's `evt_…`."""
    type: str
    """Stripe's, such as `payment_intent.succeeded`."""
    payment_intent: str
    """Empty when the report names none."""
    order_number: str
    """Or the trip's; empty when neither is known here."""
