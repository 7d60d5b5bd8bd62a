"""Requeues one dead letter."""

from __future__ import annotations

from datetime import UTC

from django.db import transaction
from django.db.models.functions import Now

from .. import doorbell
from ..ids import day_of
from ..models import DeadLetter, Delivery, Hold, OutboxMessage, PublishedMessage
from ..publishing.destinations import shard_of


def requeue(dead_letter_id: int) -> bool:
    """Put the message back with all its attempts. False when another person has done so already.

    It goes to its one subscriber when that gave it up, to the outbox when it could not be published.
    """
    with transaction.atomic():
        dead = DeadLetter.objects.select_for_update().filter(pk=dead_letter_id).first()
        if dead is None:
            return False
        if dead.subscriber:
            _open_delivery(dead)
        else:
            _write_again(dead)
        dead.delete()
        transaction.on_commit(doorbell.ring)
    return True


def _write_again(dead: DeadLetter) -> None:
    """Write it in its old place, before the messages of its key that wait for it, and release the key."""
    shard = shard_of(dead.key, dead.message_id.int)
    place = {} if dead.position is None else {"id": dead.position}
    OutboxMessage.objects.create(**_carried(dead), **place, shard=shard)
    if dead.position is not None:
        Hold.objects.filter(destination=dead.destination, key=dead.key, position=dead.position).delete()


def _open_delivery(dead: DeadLetter) -> None:
    """Open a delivery, due at once. The history may have been pruned, so its row is written again."""
    position, day = dead.position or 0, day_of(dead.message_id) or dead.created_at.astimezone(UTC).date()
    place = {"message_id": dead.message_id, "destination": dead.destination, "day": day}
    # The update makes a prune that runs at this moment check the row again and keep it.
    if not PublishedMessage.objects.filter(**place).update(published_at=Now()):
        PublishedMessage.objects.get_or_create(**place, defaults={**_carried(dead), "id": position})
    Delivery.objects.update_or_create(
        message_id=dead.message_id,
        subscriber=dead.subscriber,
        defaults={
            **{"attempts": 0, "due_at": Now(), "held_until": None, "sent_at": None, "last_error": ""},
            **{"destination": dead.destination, "day": day, "key": dead.key, "position": position},
        },
    )


def _carried(dead: DeadLetter) -> dict[str, object]:
    names = ("message_id", "type", "version", "key", "payload", "headers", "created_at", "destination")
    return {name: getattr(dead, name) for name in names}
