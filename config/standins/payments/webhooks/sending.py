"""Sends events to their endpoints: at least once, signed as Stripe signs them, repeated until a 2xx.

Sources: https://docs.stripe.com/webhooks#verify-manually and https://docs.stripe.com/webhooks#behaviors
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import time
from datetime import timedelta
from typing import Any

import requests
from django.utils import timezone

from outbox.messages import trace

from .. import shapes
from ..models import Delivery, LedgerEntry

logger = logging.getLogger(__name__)
BATCH = 50  # deliveries at a time
PATIENCE = (2.0, 10.0)  # seconds to connect, and to answer
LEASE = timedelta(seconds=60)  # after this, a delivery whose sender died is sent again
LONGEST_WAIT = 60.0  # seconds between two tries; hours at Stripe
GIVE_UP = timedelta(days=3)
NOT_THE_SECRET = "whsec_somebody_else"  # noqa: S105 - what a forger signs with


def send_due() -> None:
    """Send what is due, oldest first; stop when an endpoint does not answer. Holds no lock while it sends."""
    due = Delivery.objects.filter(due_at__lte=timezone.now()).order_by("due_at", "id").values_list("pk", flat=True)
    for pk in list(due[:BATCH]):
        if _claimed(pk) and not _send(Delivery.objects.select_related("event", "endpoint").get(pk=pk)):
            return


def signature(payload: bytes, secret: str, at: int) -> str:
    """The header `Stripe-Signature`; `at` is in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def backoff(attempts: int) -> timedelta:
    """The wait after that number of attempts."""
    return timedelta(seconds=min(2.0 ** min(attempts - 1, 10), LONGEST_WAIT))


def _claimed(pk: int) -> bool:
    """Lease a due delivery; False when another sender has it, or its endpoint was deleted."""
    now = timezone.now()
    due = Delivery.objects.filter(pk=pk, due_at__lte=now)
    return due.update(due_at=now + LEASE) == 1


def _send(delivery: Delivery) -> bool:
    """Send once and record the result; False when there was no answer."""
    status, error = _post(delivery)
    delivery.attempts, delivery.status, delivery.error = delivery.attempts + 1, status, error
    delivery.forged = False
    if status is not None and 200 <= status < 300:
        _arrived(delivery)
    else:
        again = timezone.now() + backoff(delivery.attempts)
        delivery.due_at = again if again < delivery.event.created_at + GIVE_UP else None
    delivery.save()
    said = {"event_id": delivery.event_id, "type": delivery.event.type, "status": status, "attempt": delivery.attempts}
    arrived = status is not None and 200 <= status < 300
    logger.log(logging.DEBUG if arrived else logging.WARNING, "standin.webhook", extra={**said, "error": error})
    return status is not None


def _post(delivery: Delivery) -> tuple[int | None, str]:
    """The HTTP status (None without an answer) and the error."""
    payload = json.dumps(shapes.event(delivery.event, pending=1)).encode()
    secret = NOT_THE_SECRET if delivery.forged else delivery.endpoint.secret
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(payload, secret, int(time.time())),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    try:
        with trace.use(_trace_of(delivery)) as current:
            headers |= current.headers()
            answer = requests.post(
                delivery.endpoint.url, data=payload, headers=headers, timeout=PATIENCE, allow_redirects=False
            )
    except requests.RequestException as error:
        return None, f"{type(error).__name__}: {error}"
    return answer.status_code, "" if answer.ok else answer.text[:500]


def _trace_of(delivery: Delivery) -> trace.Trace:
    """That of the call by which something was last done for the order. Stripe sends none."""
    entries: Any = LedgerEntry._default_manager
    done = entries.filter(order=delivery.event.order).order_by("-id")
    request_id, traceparent = done.values_list("request_id", "traceparent").first() or ("", "")
    return trace.start(request_id, traceparent).child()


def _arrived(delivery: Delivery) -> None:
    now = timezone.now()
    delivery.copies -= 1
    delivery.due_at, delivery.delivered_at = (now if delivery.copies else None), delivery.delivered_at or now
    waiting = Delivery.objects.filter(endpoint=delivery.endpoint, waits_for_next=True, due_at__isnull=False)
    waiting.filter(event__order=delivery.event.order).exclude(pk=delivery.pk).update(due_at=now, waits_for_next=False)
