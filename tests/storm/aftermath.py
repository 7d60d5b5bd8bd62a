"""How long orders take to settle once the last disruption is over, and where that time goes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.utils import DatabaseError

from orders.models import Order
from sagas.models import Attempt, Run

from .stack import Stack

FINAL = {Order.Status.CONFIRMED.value, Order.Status.CANCELLED.value, Order.Status.NEEDS_ATTENTION.value}
PATIENCE = 300.0  # seconds
LOOK_EVERY = 0.25  # seconds
TELL_EVERY = 5.0  # seconds


@dataclass(slots=True)
class Aftermath:
    """When each order that was open as the last disruption was over has settled."""

    began: datetime
    """When the last disruption was over."""
    settled: dict[UUID, float] = field(default_factory=dict)
    """Seconds after `began`."""
    open: set[UUID] = field(default_factory=set)
    """Orders that did not settle within PATIENCE."""


def watch(orders: Iterable[UUID], began: datetime, stack: Stack) -> Aftermath:
    """Wait until all have settled, from soon after `began` on; what had settled before the first look is left out."""
    aftermath = Aftermath(began, open=set(orders))
    first, told = True, 0.0
    while aftermath.open and (after := (datetime.now(UTC) - began).total_seconds()) < PATIENCE:
        try:
            done = _settled(aftermath.open)
        except DatabaseError:  # it is only just coming back
            connection.close()
        else:
            aftermath.settled |= {} if first else dict.fromkeys(done, after)
            aftermath.open -= done
            first = False
            if after - told > TELL_EVERY:
                told = after
                _tell(aftermath, after, stack)
        time.sleep(LOOK_EVERY)
    return aftermath


def _tell(aftermath: Aftermath, after: float, stack: Stack) -> None:
    """A line: how many are open, how they are carried, and how many messages wait for a worker."""
    runs = set(Run.objects.filter(finished_at=None).values_list("key", flat=True))
    on_sagas = sum(f"order:{order}" in runs for order in aftermath.open)
    by_events = len(aftermath.open) - on_sagas
    queues = ", ".join(f"{name} {length}" for name, length in stack.waiting().items() if length)
    print(
        f"  {after:6.1f} s after: open {on_sagas} on sagas, {by_events} by events; queued: {queues or 'none'}",
        flush=True,
    )


def _settled(orders: set[UUID]) -> set[UUID]:
    return set(Order.objects.filter(pk__in=orders, status__in=FINAL).values_list("pk", flat=True))


def story(order_id: UUID, began: datetime) -> list[str]:
    """What an order did after the last disruption, with the seconds at which each attempt began and ended."""
    order = Order.objects.get(pk=order_id)
    run = Run.objects.filter(key=f"order:{order_id}").first()
    attempts = list(Attempt.objects.filter(run=run)) if run else []
    lines = [f"{order.number} ({'saga' if run else 'events'}): {order.status}"]
    return lines + [_line(attempt, began) for attempt in attempts if not attempt.ended_at or attempt.ended_at > began]


def _line(attempt: Attempt, began: datetime) -> str:
    start = (attempt.started_at - began).total_seconds()
    end = f"{(attempt.ended_at - began).total_seconds():6.1f}" if attempt.ended_at else "  open"
    what = f"{attempt.step} {attempt.get_direction_display()} {attempt.number}"
    return f"   {start:6.1f} to {end} s  {what}: {attempt.outcome or 'under way'} {attempt.error_class}"
