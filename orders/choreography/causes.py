"""Why orders that are carried by events need a person, for the first page of the admin. Importing this registers it.

Orders that a saga carries are counted there by their runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from urllib.parse import urlencode

from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.urls import reverse

from outbox.operations.listing import MOST
from sagas import Stake
from sagas.front.causes import Cause, source
from sagas.presentation.labels import readable

from ..models import JourneyStep, Order
from ..sagas import ORDER, checkout
from .events import PREFIX

FAILED = JourneyStep.objects.filter(journey=OuterRef("pk")).exclude(error="").order_by("-position")
NO_STEP = "An event was given up, or none came"
Row = tuple[str | None, str | None, str, Decimal, datetime, object]


def on_the_desk() -> QuerySet[Order]:
    """Orders that are carried by events and need a person."""
    return Order.objects.filter(status=Order.Status.NEEDS_ATTENTION, coordination=Order.Coordination.CHOREOGRAPHY)


def their_dead_letters() -> Q:
    """The dead letters that such an order is on the desk for, or waits behind."""
    keys = on_the_desk().annotate(key=Concat(Value(ORDER), Cast("pk", CharField()))).values("key")
    return Q(type__startswith=PREFIX, key__in=keys)


@source("orders.view_order", dead_letters=their_dead_letters)
def causes_of_orders(user: object) -> Iterator[Cause]:
    """One cause for each step that failed, by its code; of MOST orders."""
    stopped = on_the_desk().annotate(
        at=Subquery(FAILED.values("name")[:1]), code=Subquery(FAILED.values("error_code")[:1])
    )
    rows: list[Row] = list(
        stopped.order_by().values_list("at", "code", "currency", "total", "updated_at", "pk")[: MOST + 1]
    )
    more = len(rows) > MOST
    rows.sort(key=_cause_of)
    for (step, code), some in groupby(rows, key=_cause_of):
        yield _cause(step, code, list(some), more)


def _cause_of(row: Row) -> tuple[str, str]:
    return row[0] or "", row[1] or ""


def _cause(step: str, code: str, rows: list[Row], more: bool) -> Cause:
    sums: dict[str, Decimal] = {}
    for _, _, currency, amount, *_ in rows:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return Cause(
        about="order by events",
        where=readable(step) if step else NO_STEP,
        why=code or ("the outcome is unknown" if step else "its page says what"),
        count=len(rows),
        since=min(row[4] for row in rows),
        url=_url([row[5] for row in rows]),
        stakes=tuple(Stake(amount, currency) for currency, amount in sorted(sums.items())),
        advice=checkout.advised.get(code, ""),
        more=more,
    )


def _url(orders: Iterable[object]) -> str:
    """The order's page; the list of all such orders for several."""
    first, *others = orders
    if not others:
        return reverse("admin:orders_order_change", args=[first])
    which = {"status__exact": Order.Status.NEEDS_ATTENTION, "coordination__exact": Order.Coordination.CHOREOGRAPHY}
    return f"{reverse('admin:orders_order_changelist')}?{urlencode(which)}"
