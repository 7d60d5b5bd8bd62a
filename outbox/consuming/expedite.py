"""Make postponed deliveries due now, because the reason for postponing them is gone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models.functions import Now

from .. import doorbell
from ..models import Delivery


def make_due_now(subscribers: Sequence[str], keys: Sequence[str]) -> int:
    """Make open deliveries of these keys to these subscribers due now, in the caller's transaction.

    Returns how many.

    For example, deliveries that a handler postponed with RetryAfter because another system was away that is back. The
    hold of a delivery ends too, so that a subscriber with an order does not find it held. A delivery whose `call` runs
    at this moment may start once more; the inbox ignores the copy. A delivery that is locked is skipped: this waits for
    nobody.
    """
    waiting = Delivery.objects.filter(subscriber__in=subscribers, key__in=keys, due_at__gt=Now())
    free = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True))
    hastened = Delivery.objects.filter(pk__in=free).update(due_at=Now(), held_until=None, sent_at=None)
    if hastened:
        transaction.on_commit(doorbell.ring)
    return hastened
