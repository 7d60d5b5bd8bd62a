"""Give a dead letter another life."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from . import doorbell
from .models import DeadLetter, Delivery, OutboxMessage, PublishedMessage


def requeue(dead_letter_id: int) -> bool:
    """Put the message back with a fresh budget of attempts; False when somebody else has done so already.

    To its one subscriber when it died there, to the outbox when it could not be published.
    """
    with transaction.atomic():
        dead = DeadLetter.objects.select_for_update().filter(pk=dead_letter_id).first()
        if dead is None:
            return False
        if dead.subscriber:
            _open_delivery(dead)
        else:
            OutboxMessage.objects.create(**_carried(dead))
        dead.delete()
        transaction.on_commit(doorbell.ring)
    return True


def _open_delivery(dead: DeadLetter) -> None:
    """Due at once; the history may have been pruned since, so its row is made anew."""
    PublishedMessage.objects.get_or_create(message_id=dead.message_id, defaults=_carried(dead))
    Delivery.objects.update_or_create(
        message_id=dead.message_id,
        subscriber=dead.subscriber,
        defaults={"attempts": 0, "due_at": Now(), "last_error": ""},
    )


def _carried(dead: DeadLetter) -> dict[str, object]:
    names = ("message_id", "type", "version", "key", "payload", "headers", "created_at")
    return {name: getattr(dead, name) for name in names}
