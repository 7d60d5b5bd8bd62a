"""Finds the order whose next event never came, and the one that is not charged in time.

A message that is on its way is the outbox's matter: it is published, and delivered again, until it is handled or a dead
letter. So an order that stands still although nothing of it is on its way has a broken chain: a subscriber was removed,
a message is a dead letter, or there is a bug. Nobody but a person can mend that.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from outbox import publish, registry
from outbox.messages import codec
from outbox.models import DeadLetter, Delivery, OutboxMessage
from outbox.publishing import destinations
from outbox.relay import lookback

from ..models import Journey
from . import turning
from .events import DeadlinePassed
from .journeys import State, expect, locked, off_the_desk, to_the_desk

logger = logging.getLogger(__name__)

AT_ONCE = 100
begin = lookback.of_times("orders_journey", "due_at")
LIMIT = "The order was not paid in time."


def look() -> int:
    """Look after all orders that are due; returns how many turned or were put on a person's desk.

    Any number may look at once: each order is looked after by one of them. One that cannot be looked after is logged
    and put off, so that the others do not wait behind it.
    """
    return sum(_look_after_or_put_off(order_id) for order_id in _due())


def _due() -> list[Any]:
    due = from_here(Journey.objects.filter(due_at__lte=Now()))
    return list(due.order_by("due_at").values_list("pk", flat=True)[:AT_ONCE])


def from_here(due: QuerySet[Journey]) -> QuerySet[Journey]:
    """Without what is dead, while somebody holds an old snapshot."""
    since = begin.since()
    return due if since is None else due.filter(due_at__gte=since)


def _look_after_or_put_off(order_id: Any) -> bool:
    try:
        return _look_after(order_id)
    except Exception:  # whatever it is, it is this order's; a database that is away fails the next line too
        Journey.objects.filter(pk=order_id, due_at__lte=Now()).update(due_at=Now() + settings.ORDERS_EVENT_PATIENCE)
        logger.exception("choreography.look_failed", extra={"order": str(order_id)})
        return False


def _look_after(order_id: Any) -> bool:
    """One order in a transaction of its own; an event that has come meanwhile makes it nobody's matter."""
    with transaction.atomic():
        journey = Journey.objects.select_for_update(skip_locked=True).filter(pk=order_id, due_at__lte=Now()).first()
        if journey is None:
            return False
        if journey.state == State.OPEN and journey.deadline_at <= timezone.now():
            turning.turn(journey, DeadlinePassed(order_id, "deadline", LIMIT))
            return True
        if is_on_its_way(key_of(journey)):
            expect(journey, waits_for=journey.waits_for)
            return False
        why = broken(journey)
        to_the_desk(journey, why)
    logger.error("choreography.broken_chain", extra={"order": str(order_id), "why": why})
    return True


def is_on_its_way(key: str) -> bool:
    """Whether the outbox still has something of this key to publish or to deliver."""
    places = {
        "destination__in": [one.name for one in destinations.configured()],
        "shard": destinations.shard_of(key, 0),
    }
    listeners = list(registry.subscribers)
    return (
        OutboxMessage.objects.filter(**places, key=key).exists()
        or Delivery.objects.filter(subscriber__in=listeners, key=key).exists()
    )


def broken(journey: Journey) -> str:
    """What is known of a chain that is broken, and what to do."""
    told = f"{journey.last_event} at {timezone.localtime(journey.last_event_at):%Y-%m-%d %H:%M:%S}"
    dead = DeadLetter.objects.filter(key=key_of(journey)).order_by("-died_at").first()
    if dead is not None:
        where = dead.subscriber or "the broker"
        return (
            f"No event came after {told}: its way ends in a dead letter, {dead.type} to {where} "
            f"({dead.error_class}: {dead.error[:150]}). Mend that, then requeue the dead letter."
        )
    return (
        f"No event came after {told}, and the outbox has nothing of this order on its way: a subscriber of that event "
        "is missing or did nothing. Deploy what handles it, then press Publish again on the order's trail."
    )


def publish_again(order_id: Any) -> str:
    """Publish the event that leads on once more: the last on the way forward, or the one that turned the order.

    Returns its type, "" when the order has ended. Harmless at any time: what is done, or undone, is not done again, and
    its event not told again.
    """
    with transaction.atomic():
        journey = locked(order_id, State.OPEN, State.ONWARD, State.UNDOING)
        if journey is None:
            return ""
        declared = next(one for (name, _), one in registry.events.items() if name == journey.leading_event)
        publish(codec.decode(declared.body, journey.leading_body), key=key_of(journey))
        if journey.state != State.UNDOING:
            off_the_desk(order_id)
        expect(journey)
        return journey.leading_event


def key_of(journey: Journey) -> str:
    """The key of the order's messages."""
    return f"order:{journey.order_id}"
