"""The nightly comparison of the books, as a saga of one step that a schedule starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from outbox.heartbeats import heartbeat
from sagas import Retry, Saga, Schedule, StepContext

from .nightly import reconcile

LONGEST = timedelta(minutes=2)
"""Of one comparison; below the broker's visibility timeout. One that takes longer may be begun again beside it, which
finds the same differences."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The payments made before then are compared, as far back as ORDERS_RECONCILE_DAYS."""

    until: datetime


comparison = Saga[Comparison]("comparison")


@comparison.pivot(participant="payments", timeout=LONGEST, retry=Retry.until_done(longest=timedelta(hours=1)))
def compare_books(ctx: StepContext[Comparison]) -> int:
    """How many differences there are; each is a case on the desk. It is tried again while the processor fails."""
    return _compare(ctx.input.until)


def before(tick: datetime) -> Comparison:
    """What was made shortly before the tick may still be on its way."""
    return Comparison(tick.astimezone(UTC) - settings.ORDERS_RECONCILE_SETTLED)


nightly = Schedule(comparison, name="books-nightly", cron="10 3 * * *", timezone="Europe/Berlin", input=before)


@heartbeat.leaves("orders.reconcile", "differences")
def _compare(until: datetime) -> int:
    return reconcile(until=until).differences
