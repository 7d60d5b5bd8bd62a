"""Makes the deliveries of each new event: to which endpoints, and with which faults.

Source: https://docs.stripe.com/webhooks
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ...settings import WEBHOOK_SECRET, WEBHOOK_URL
from ..models import Delivery, Endpoint, Event, Fault

OURS = "we_settings"  # the endpoint that STANDINS_WEBHOOK_URL names
TYPES = [
    *(f"payment_intent.{what}" for what in ("requires_action", "amount_capturable_updated", "succeeded")),
    *(f"payment_intent.{what}" for what in ("payment_failed", "canceled")),
    *("charge.refunded", "refund.updated", "refund.failed", "charge.dispute.created", "charge.dispute.closed"),
]
"""The types for that endpoint. Any other endpoint lists its own when it is created (`POST /v1/webhook_endpoints`)."""
BATCH = 200  # events in one transaction
OVERTAKEN = timedelta(seconds=30)  # the longest time that an event waits for the order's next one


def settle_endpoint() -> None:
    """Create, update or delete the endpoint of the environment; a single query when nothing has changed."""
    found = Endpoint.objects.filter(pk=OURS).first()
    if found is not None and (found.url, found.secret, found.enabled_events) == (WEBHOOK_URL, WEBHOOK_SECRET, TYPES):
        return
    if WEBHOOK_URL and WEBHOOK_SECRET:
        values = {"url": WEBHOOK_URL, "secret": WEBHOOK_SECRET, "enabled_events": TYPES}
        Endpoint.objects.update_or_create(pk=OURS, defaults=values)
    elif found is not None:
        found.delete()


def address() -> None:
    """Make the deliveries of new events. Several processes may do this at once: each event is addressed once."""
    endpoints = list(Endpoint.objects.all())
    with transaction.atomic(using="payments"):
        new = Event.objects.filter(addressed=False).order_by("created_at", "id")
        events = list(new.select_for_update(skip_locked=True)[:BATCH])
        wanted = [delivery for event in events for delivery in _deliveries(event, endpoints)]
        Delivery.objects.bulk_create(wanted)
        Event.objects.filter(pk__in=[event.pk for event in events]).update(addressed=True)


def _deliveries(event: Event, endpoints: Iterable[Endpoint]) -> Iterable[Delivery]:
    """One delivery for each endpoint that wants the event. A fault hits all deliveries of an event or none."""
    listening = [one for one in endpoints if _wants(one, event)]
    if not listening:
        return
    now, late, behind = timezone.now(), _taken("slow", event), _taken("reorder", event)
    due = now + timedelta(seconds=late.delay) if late else now
    if behind:
        due = now + (timedelta(seconds=behind.delay) or OVERTAKEN)
    lost, twice, forged = (_taken(kind, event) is not None for kind in ("lose", "twice", "forge"))
    for endpoint in listening:
        yield Delivery(
            event=event,
            endpoint=endpoint,
            due_at=None if lost else due,
            copies=2 if twice else 1,
            forged=forged,
            waits_for_next=behind is not None,
            error="Never sent: a fault lost it." if lost else "",
        )


def _wants(endpoint: Endpoint, event: Event) -> bool:
    """Whether the endpoint existed before the event, and wants its type."""
    in_time = endpoint.pk == OURS or endpoint.created_at <= event.created_at
    return in_time and ("*" in endpoint.enabled_events or event.type in endpoint.enabled_events)


def _taken(kind: str, event: Event) -> Fault | None:
    return Fault.take_uncalled("webhook", kind, event.order)
