"""Posts events as Stripe does."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import stripe
from django.http import HttpResponse
from django.test import Client

from orders.participants import identity

SECRET = "whsec_local"
PATH = "/webhooks/stripe"


def event(
    type_: str, order_number: str = "", *, intent: str = "pi_1", id_: str = "", about: str = "", shop: str = ""
) -> dict[str, Any]:
    """An event about a payment; `about` is another kind of object, which names the payment. `shop` is who made it, by
    default we."""
    metadata = {"order": order_number, "shop": shop or identity.shop()}
    subject: dict[str, Any] = {"id": intent, "object": "payment_intent", "metadata": metadata}
    if about:
        subject = {"id": f"{about}_1", "object": about, "payment_intent": intent, "metadata": {}}
    return {
        "id": id_ or f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "type": type_,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {**subject, "amount": 1, "status": "anything"}},
    }


def post(
    report: dict[str, Any] | bytes, *, secret: str = SECRET, signed_at: int | None = None, signature: str | None = None
) -> HttpResponse:
    """Send it, signed as Stripe signs; `signature` replaces that."""
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    if signature is None:
        text = body.decode(errors="replace")
        signature = stripe.WebhookSignature.generate_signature_header(text, secret, signed_at)
    client = Client(raise_request_exception=False)
    answer = client.post(PATH, body, content_type="application/json", headers={"Stripe-Signature": signature})
    assert isinstance(answer, HttpResponse)
    return answer
