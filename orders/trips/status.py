"""How a trip's row changes: called by its saga, inside the transaction that records what happened.

Whoever changes a trip holds its row lock and counts its version up. The run, where it is locked too, comes first.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from orders import story
from orders.errors import OrderChanged, UnexpectedStatus
from orders.money import minor_units
from orders.participants.payments import Action
from outbox import publish

from .events import TripCancelled, TripConfirmed, TripNeedsAttention, TripPaymentActionRequired
from .models import Trip

Status = Trip.Status

ALLOWED: dict[str, frozenset[str]] = {
    Status.PROCESSING: frozenset({Status.NEEDS_ATTENTION, Status.CANCELLING}),
    Status.CONFIRMED: frozenset({Status.PROCESSING, Status.NEEDS_ATTENTION}),
    Status.CANCELLING: frozenset({Status.PROCESSING, Status.NEEDS_ATTENTION}),
    Status.CANCELLED: frozenset({Status.PROCESSING, Status.CANCELLING, Status.NEEDS_ATTENTION}),
    Status.NEEDS_ATTENTION: frozenset({Status.PROCESSING, Status.CANCELLING}),
}
"""Each status, and those it may follow."""


def confirm_trip(trip_id: UUID, ticket: str, room: str) -> None:
    """The trip is paid and booked; `ticket` is the airline's number, `room` the hotel's reference."""
    trip = lock_trip(trip_id)
    if move(trip, Status.CONFIRMED, ticket=ticket, room=room, status_reason=""):
        amount = minor_units(trip.total, trip.currency)
        fact = TripConfirmed(trip.pk, trip.number, trip.email, amount, trip.currency, ticket)
        publish(fact, key=trip.saga_key)
        story.tell("trip.confirmed", trip=trip.number)


def mark_cancelling(trip_id: UUID, why: str) -> None:
    """What was booked is being cancelled; `why` is a reason's code. No-op when it is cancelled already."""
    trip = lock_trip(trip_id)
    if trip.status != Status.CANCELLED:
        move(trip, Status.CANCELLING, status_reason=why)


def mark_cancelled(trip_id: UUID, reason_code: str) -> None:
    """All is undone and nothing was charged. An empty code keeps the reason that `mark_cancelling` wrote."""
    trip = lock_trip(trip_id)
    if move(trip, Status.CANCELLED, status_reason=reason_code or trip.status_reason):
        publish(TripCancelled(trip.pk, trip.number, trip.email, trip.status_reason), key=trip.saga_key)
        story.tell("trip.cancelled", trip=trip.number, code=trip.status_reason)


def mark_needs_attention(trip_id: UUID, why: str) -> None:
    """The saga is stuck; `why` is a sentence for the operator."""
    trip = lock_trip(trip_id)
    why = why[:500]
    if move(trip, Status.NEEDS_ATTENTION, status_reason=why):
        publish(TripNeedsAttention(trip.pk, trip.number, why), key=trip.saga_key)


def mark_processing(trip_id: UUID) -> None:
    """An operator set a stuck saga going again, forwards."""
    move(lock_trip(trip_id), Status.PROCESSING, status_reason="")


def ask_to_confirm(trip_id: UUID, action: Action) -> None:
    """The bank wants the traveller to confirm the payment; they are told once. No-op when the trip goes on no more."""
    trip = lock_trip(trip_id)
    if trip.status != Status.PROCESSING or trip.action_url == action.url:
        return
    save(trip, payment_intent=action.intent_id, action_url=action.url)
    until = action.since + settings.ORDERS_CONFIRM_WITHIN
    publish(TripPaymentActionRequired(trip.pk, trip.number, trip.email, action.url, until), key=trip.saga_key)


def note_hold(trip_id: UUID, payment_intent: str) -> None:
    """The bank holds the amount. Nobody decides on that, so that no version is counted and no cancel refused for it."""
    lock_trip(trip_id)
    Trip.objects.filter(pk=trip_id).update(payment_intent=payment_intent, action_url="", updated_at=timezone.now())


def note_charge(trip_id: UUID, payment_intent: str, amount: int) -> None:
    """The card was charged `amount` minor units; in the transaction that records the capture."""
    save(lock_trip(trip_id), payment_intent=payment_intent, charged=amount, action_url="")


def note_other_charge(trip_id: UUID, payment_intent: str, amount: int) -> None:
    """The card was charged `amount`, which is not what the trip comes to; nothing goes on by itself."""
    with transaction.atomic():
        if (found := lock_trip(trip_id)).charged != amount:
            save(found, payment_intent=payment_intent, charged=amount)


def move(trip: Trip, status: str, **changes: object) -> bool:
    """Write the new status; False when the trip has it already. Raises UnexpectedStatus."""
    if trip.status == status:
        return False
    if trip.status not in ALLOWED[status]:
        raise UnexpectedStatus(trip.number, trip.status, status)
    save(trip, status=status, action_url="", **changes)
    return True


def lock_trip(trip_id: UUID) -> Trip:
    """The trip as it is now, locked until the transaction ends. Raises Trip.DoesNotExist."""
    return Trip.objects.select_for_update(of=("self",)).get(pk=trip_id)


def save(trip: Trip, **changes: object) -> None:
    """Write the changed fields and count the version up; OrderChanged when `trip` is not the latest version."""
    now = timezone.now()
    unchanged = Trip.objects.filter(pk=trip.pk, version=trip.version)
    if not unchanged.update(version=F("version") + 1, updated_at=now, **changes):
        raise OrderChanged(trip.number, "trip")
    for field, value in {**changes, "version": trip.version + 1, "updated_at": now}.items():
        setattr(trip, field, value)
