"""Stripe's JSON of our rows.

Sources: https://docs.stripe.com/api/payment_intents/object and https://docs.stripe.com/api/refunds/object
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .models import Intent, Refund

SAME_NAME = ("id", "amount", "amount_capturable", "amount_received", "client_secret", "currency", "status")
NULL_WHEN_EMPTY = ("payment_method", "latest_charge", "cancellation_reason", "description", "receipt_email")


def intent(row: Intent) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in SAME_NAME},
        **{name: getattr(row, name) or None for name in NULL_WHEN_EMPTY},
        "object": "payment_intent",
        "capture_method": row.capture_method,
        "payment_method_types": ["card"],
        "confirmation_method": "automatic",
        "last_payment_error": row.last_payment_error,
        "next_action": None,
        "canceled_at": _seconds(row.canceled_at),
        "created": _seconds(row.created_at),
        "metadata": row.metadata,
        "livemode": False,
    }


def refund(row: Refund) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "refund",
        "amount": row.amount,
        "charge": row.intent.latest_charge,
        "created": _seconds(row.created_at),
        "currency": row.intent.currency,
        "metadata": row.metadata,
        "payment_intent": row.intent.id,
        "reason": row.reason or None,
        "status": "succeeded",
    }


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
