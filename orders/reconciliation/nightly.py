"""The comparison itself: everything of a window of time is read once, and each difference is put on the desk."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from sagas import Refused

from . import processor
from .books import Difference, Ours, charged_between, compare, compare_missing, ours_of
from .cases import open_difference, open_dispute
from .models import Reconciliation
from .processor import Theirs

logger = logging.getLogger(__name__)
PATIENCE = timedelta(seconds=30)  # for each page of theirs
AT_ONCE = 100  # orders read from our books in one statement
T = TypeVar("T")


def reconcile(since: datetime | None = None, until: datetime | None = None) -> Reconciliation:
    """Compare the books of the payments made in [since, until), by default the last ORDERS_RECONCILE_DAYS.

    What was made within ORDERS_RECONCILE_SETTLED is left for the next time: it may still be on its way. Any number of
    comparisons may overlap: the same difference is one case. Raises what the processor's client raises.
    """
    until = until or timezone.now() - settings.ORDERS_RECONCILE_SETTLED
    since = since or until - timedelta(days=settings.ORDERS_RECONCILE_DAYS)
    done = Reconciliation.objects.create(since=since, until=until)
    seen: set[str] = set()
    for difference in (*_theirs_against_ours(done, seen), *_ours_against_theirs(done, seen)):
        done.differences += 1
        open_difference(difference)
    for found in processor.disputes(since, timeout=PATIENCE):
        done.disputes += int(open_dispute(found))
    done.ended_at = timezone.now()
    done.save()
    logger.info("books.compared", extra={"payments": done.payments, "differences": done.differences})
    return done


def _theirs_against_ours(done: Reconciliation, seen: set[str]) -> Iterator[Difference]:
    for some in batched(processor.payments(done.since, done.until, timeout=PATIENCE)):
        done.payments += len(some)
        kept = ours_of([one.order_number for one in some if one.order_number])
        for theirs in some:
            ours = kept.get(theirs.order_number)
            if ours is not None and ours.payment_intent == theirs.payment_intent:
                seen.add(theirs.payment_intent)
            if (found := compare(ours, theirs)) is not None:
                yield found


def _ours_against_theirs(done: Reconciliation, seen: set[str]) -> Iterator[Difference]:
    """Orders that we keep as charged, whose payment was not among those of the window: each is asked for by itself."""
    for ours in charged_between(done.since, done.until):
        done.orders += 1
        if ours.payment_intent not in seen:
            found = compare_missing(ours, _looked_up(ours))
            if found is not None:
                yield found


def _looked_up(ours: Ours) -> Theirs | None:
    try:
        return processor.payment(ours.payment_intent, timeout=PATIENCE)
    except Refused as unknown:
        if unknown.code != "resource_missing":
            raise
        return None


def batched(many: Iterable[T]) -> Iterator[list[T]]:
    """AT_ONCE at a time."""
    rest = iter(many)
    while some := list(islice(rest, AT_ONCE)):
        yield some
