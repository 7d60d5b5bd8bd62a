"""Brings back the orders that waited for a participant which answers again: the oldest first, at its rate.

Each would come back by itself at the end of its wait; but that was set when nobody knew how long it would last.
"""

from __future__ import annotations

import logging
import math

from django.db import transaction

from outbox.declaration import registry
from outbox.hasten import hasten
from sagas.participants import is_away
from sagas.policies import policy_of

from .models import Journey

logger = logging.getLogger(__name__)


def release(seconds: float) -> int:
    """Have those come back that may within `seconds`, the time to the next call of this; returns how many."""
    waited_for = Journey.objects.exclude(waits_for="").values_list("waits_for", flat=True).distinct()
    released = sum(_release(name, seconds) for name in list(waited_for) if not is_away(name))
    if released:
        logger.info("choreography.released", extra={"orders": released})
    return released


def _release(name: str, seconds: float) -> int:
    most = max(1, math.floor(policy_of(name).release_per_second * seconds))
    with transaction.atomic():
        waiting = Journey.objects.select_for_update(skip_locked=True).filter(waits_for=name).order_by("due_at")[:most]
        orders = [journey.pk for journey in waiting]
        Journey.objects.filter(pk__in=orders).update(waits_for="")
        hasten(_subscribers(name), [f"order:{order_id}" for order_id in orders])
    return len(orders)


def _subscribers(name: str) -> list[str]:
    """Those who call the participant."""
    return [one for one in registry.subscribers if one.startswith(f"{name}.")]
