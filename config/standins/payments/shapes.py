"""Our rows as Stripe's JSON. A test compares every field with the SDK's own types.

Sources: https://docs.stripe.com/api, the pages payment_intents/object, charges/object, refunds/object,
disputes/object and events/object.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .models import Charge, Dispute, Endpoint, Event, Intent, Refund

API_VERSION = "2026-10-28.endive"
"""The API version of these shapes: that of the SDK in requirements.txt."""
SAME_NAME = ("id", "amount", "amount_capturable", "amount_received", "client_secret", "currency", "status")
NULL_WHEN_EMPTY = ("payment_method", "latest_charge", "cancellation_reason", "description", "receipt_email")
BRANDS = {"pm_card_mastercard": "mastercard", "pm_card_amex": "amex"}
TO_RESPOND = timedelta(days=7)


def intent(row: Intent) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in SAME_NAME},
        **{name: getattr(row, name) or None for name in NULL_WHEN_EMPTY},
        "object": "payment_intent",
        "automatic_payment_methods": row.automatic_payment_methods,
        "capture_method": row.capture_method,
        "payment_method_types": ["card"],
        "confirmation_method": "automatic",
        "last_payment_error": row.last_payment_error,
        "next_action": row.next_action,
        "canceled_at": _seconds(row.canceled_at),
        "created": _seconds(row.created_at),
        "metadata": row.metadata,
        "livemode": False,
    }


def charge(row: Charge) -> dict[str, Any]:
    """`refunds` is left out, as Stripe does unless it is asked to expand it."""
    paid = row.status == Charge.Status.SUCCEEDED
    return {
        **{name: getattr(row, name) for name in ("id", "amount", "amount_captured", "amount_refunded")},
        **{name: getattr(row, name) for name in ("captured", "disputed", "payment_method", "status")},
        "object": "charge",
        "billing_details": {"address": None, "email": row.intent.receipt_email or None, "name": None, "phone": None},
        "created": _seconds(row.created_at),
        "currency": row.intent.currency,
        "description": row.intent.description or None,
        "failure_code": row.failure_code or None,
        "failure_message": row.failure_message or None,
        "livemode": False,
        "metadata": row.intent.metadata,
        "paid": paid,
        "payment_intent": row.intent_id,
        "payment_method_details": {"type": "card", "card": _card(row)},
        "receipt_email": row.intent.receipt_email or None,
        "refunded": paid and row.amount_refunded == row.amount,
    }


def refund(row: Refund) -> dict[str, Any]:
    failed = {"failure_reason": row.failure_reason} if row.failure_reason else {}
    return {
        "id": row.id,
        "object": "refund",
        "amount": row.amount,
        "charge": row.intent.latest_charge,
        "created": _seconds(row.created_at),
        "currency": row.intent.currency,
        "metadata": row.metadata,
        "payment_intent": row.intent_id,
        "reason": row.reason or None,
        "status": row.status,
        **failed,
    }


def dispute(row: Dispute) -> dict[str, Any]:
    open_ = row.status == Dispute.Status.NEEDS_RESPONSE
    return {
        "id": row.id,
        "object": "dispute",
        "amount": row.amount,
        "balance_transactions": [],
        "charge": row.charge_id,
        "created": _seconds(row.created_at),
        "currency": row.charge.intent.currency,
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": _seconds(row.created_at + TO_RESPOND) if open_ else None,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": row.status == Dispute.Status.WON,
        "livemode": False,
        "metadata": {},
        "payment_intent": row.charge.intent_id,
        "reason": row.reason,
        "status": row.status,
    }


def event(row: Event, pending: int = 0) -> dict[str, Any]:
    """`pending` is the number of endpoints that the event has yet to reach."""
    return {
        "id": row.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": _seconds(row.created_at),
        "data": {"object": row.data},
        "livemode": False,
        "pending_webhooks": pending,
        "request": {"id": row.request_id or None, "idempotency_key": row.idempotency_key or None},
        "type": row.type,
    }


def endpoint(row: Endpoint) -> dict[str, Any]:
    """Without the secret, which only the call that creates the endpoint returns."""
    return {
        "id": row.id,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "created": _seconds(row.created_at),
        "enabled_events": row.enabled_events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": row.url,
    }


def _card(row: Charge) -> dict[str, Any]:
    secure = {"authentication_flow": "challenge", "result": "authenticated", "version": "2.2.0"}
    before = {"capture_before": _seconds(row.capture_before)} if row.capture_before else {}
    brand = BRANDS.get(row.payment_method, "visa")
    return {"brand": brand, "country": "US", "three_d_secure": secure if row.authenticated else None, **before}


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
