"""Deliver now what was put off until later: whoever put it off knows that its cause is gone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from .. import doorbell
from ..models import Delivery


def make_due_now(subscribers: Sequence[str], keys: Sequence[str]) -> int:
    """Make open deliveries of these keys to these subscribers due now, in the caller's transaction; returns how many.

    A message that a handler put off with RetryAfter, say, because another system was away that has come back. It is let
    go too, or a subscriber that takes its messages in order would be told to look and find it held. One whose
    call is being made at this moment may be begun once more; the inbox makes that once. One that is being recorded is
    left alone: this waits for nobody.
    """
    waiting = Delivery.objects.filter(subscriber__in=subscribers, key__in=keys, due_at__gt=Now())
    free = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True))
    hastened = Delivery.objects.filter(pk__in=free).update(due_at=Now(), held_until=None, sent_at=None)
    if hastened:
        transaction.on_commit(doorbell.ring)
    return hastened
