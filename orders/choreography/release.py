"""Brings back the orders that waited for a participant which answers again: the oldest first, at its rate.

Each would come back by itself at the end of its wait; but that was set when nobody knew how long it would last. What
waits while its participant is away waits for it: also what was only to be tried again later, after failures that held
nobody yet. An order that is being undone may wait for several.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from outbox import registry
from outbox.consuming.expedite import make_due_now
from sagas.models import StepStatus
from sagas.participants.lookup import policy_of
from sagas.presentation.participant_labels import is_away

from ..models import Journey, JourneyStep
from ..sagas import checkout

logger = logging.getLogger(__name__)

WAITING = (StepStatus.WAITING, StepStatus.UNDO_WAITING)
WRITTEN_DOWN = timedelta(seconds=1)
"""A step is put off a moment before its message is: one that waits for less is left for the next look."""


def release(seconds: float) -> int:
    """Have those come back that may within `seconds`, the time to the next call of this; returns how many."""
    released = 0
    for name, steps in _participants().items():
        if is_away(name):
            _back_off(steps).filter(waits_since=None).update(waits_since=Now())
        else:
            released += _release(name, steps, seconds)
    if released:
        logger.info("choreography.released", extra={"steps": released})
    return released


def _participants() -> dict[str, list[str]]:
    """Those for whom a step waits now, each with its steps."""
    of = {step.name: step.participant for step in checkout.steps if step.participant}
    found: dict[str, list[str]] = {}
    for name in JourneyStep.objects.filter(status__in=WAITING, next_attempt_at__gt=Now()).values("name").distinct():
        if participant := of.get(name["name"], ""):
            found.setdefault(participant, []).append(name["name"])
    return found


def _back_off(steps: Sequence[str]) -> QuerySet[JourneyStep]:
    return JourneyStep.objects.filter(status__in=WAITING, name__in=steps, next_attempt_at__gt=Now())


def _release(name: str, steps: Sequence[str], seconds: float) -> int:
    most = max(1, math.floor(policy_of(name).release_per_second * seconds))
    due = _back_off(steps).filter(waits_since__lte=Now() - WRITTEN_DOWN)
    with transaction.atomic():
        wanted = list(due.order_by("waits_since").values_list("journey", flat=True)[:most])
        waiting = Journey.objects.select_for_update(skip_locked=True).filter(pk__in=wanted)
        orders = [journey.pk for journey in waiting]
        released = due.filter(journey__in=orders).update(waits_since=None, next_attempt_at=Now())
        Journey.objects.filter(pk__in=orders, waits_for=name).update(waits_for="")
        make_due_now(_subscribers(name), [f"order:{order_id}" for order_id in orders])
    return released


def _subscribers(name: str) -> list[str]:
    """Those who call the participant."""
    return [one for one in registry.subscribers if one.startswith(f"{name}.")]
