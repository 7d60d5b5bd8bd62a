"""Bulk acts in the background: rows of `saga_bulk_act`, which a Celery task carries out, started each second by beat.

Lock order: the bulk act, then the run. Copies of the task may run at once: each locks a bulk act's row for one single
act and skips locked rows. The act and its count commit together.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from outbox.heartbeats import heartbeat
from outbox.messages import codec

from ..engine.diagnosis import clock
from ..errors import WrongState
from ..models import BulkAct
from .acts import Actor, Person, acting_for, actor_name_of
from .batches import USUAL_RATE, Outcome, act_on, checked_bulk_verb, next_match
from .selection import Filter, matching
from .verbs import VERBS

TICK = 0.9
"""Seconds that one task works at most, since beat starts the next one after a second."""
CATCH_UP = timedelta(seconds=5)
"""After downtime, runs of at most this long are caught up on at once."""
SKIPS_NAMED = 200
"""How many skipped runs are kept with their reasons; later ones are only counted."""


def start_bulk(
    verb: str, chosen: Filter, *, actor: Actor, reason: str, rate: float = USUAL_RATE, **given: Any
) -> BulkAct:
    """Start acting on each matching run, `rate` runs per second. Raises DoesNotFit and ReasonMissing."""
    checked_bulk_verb(verb, reason, rate)
    return BulkAct.objects.create(
        verb=verb,
        given=given,
        filter=codec.decode(dict[str, Any], codec.encode(chosen)),
        reason=reason.strip(),
        actor_id=None if isinstance(actor, Person) else actor.pk,
        actor_name=actor_name_of(actor),
        rate=rate,
        total=matching(chosen).count(),
        due_at=Now(),
        created_at=Now(),
    )


def stop_bulk(pk: int, *, actor: Actor) -> None:
    """Act on no further run; what was done stays done. Raises WrongState when it has ended, BulkAct.DoesNotExist."""
    with transaction.atomic():
        bulk = BulkAct.objects.select_for_update().get(pk=pk)
        if bulk.state != BulkAct.State.RUNNING:
            raise WrongState("stop it", BulkAct.State(bulk.state).label)
        bulk.stopped_by = actor_name_of(actor)
        _end(bulk, BulkAct.State.STOPPED)


def filter_of(bulk: BulkAct) -> Filter:
    """The filter that the bulk act was started with."""
    return codec.decode(Filter, codec.encode(bulk.filter))


@heartbeat.leaves("sagas.bulk", "runs acted on")
def run_due() -> int:
    """Act on the runs of bulk acts that are due now, for up to TICK seconds; returns how many."""
    until, taken = time.monotonic() + TICK, 0
    while time.monotonic() < until and _act_on_next():
        taken += 1
    return taken


def _act_on_next() -> bool:
    """Act on one run and count it, in one transaction; False when no bulk act is due."""
    with transaction.atomic():
        due = BulkAct.objects.filter(state=BulkAct.State.RUNNING, due_at__lte=Now()).order_by("due_at")
        bulk = due.select_for_update(skip_locked=True, of=("self",)).select_related("actor").first()
        if bulk is None:
            return False
        run = next_match(filter_of(bulk), bulk.cursor, bulk.created_at)
        if run is None:
            _end(bulk, BulkAct.State.FINISHED)
            return True
        actor: Actor = bulk.actor or Person(bulk.actor_name)
        with acting_for(bulk):
            outcome = act_on(run, VERBS[bulk.verb], actor, bulk.reason, bulk.given)
        _count(bulk, outcome)
        return True


def _count(bulk: BulkAct, outcome: Outcome) -> None:
    bulk.cursor = outcome.run_id
    bulk.due_at = max(bulk.due_at, clock() - CATCH_UP) + timedelta(seconds=1 / bulk.rate)
    if not outcome.skipped:
        bulk.done += 1
    else:
        bulk.skipped += 1
        if len(bulk.skips) < SKIPS_NAMED:
            bulk.skips.append({"run": str(outcome.run_id), "title": outcome.title, "why": outcome.skipped})
    bulk.save(update_fields=["cursor", "due_at", "done", "skipped", "skips"])


def _end(bulk: BulkAct, state: BulkAct.State) -> None:
    bulk.state, bulk.ended_at = state, clock()
    bulk.save(update_fields=["state", "ended_at", "stopped_by"])
