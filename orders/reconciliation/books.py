"""Our books beside theirs, payment by payment: one pure function says what does not agree."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from orders.models import Order
from orders.money import minor_units
from orders.trips.models import Trip

from .processor import Theirs

FINAL = (Order.Status.CONFIRMED, Order.Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Ours:
    """An order's money as the shop keeps it. Amounts are in minor units of the currency."""

    order_id: UUID
    number: str
    status: str
    payment_intent: str
    charged: int
    refunded: int
    currency: str

    @property
    def settled(self) -> bool:
        """Whether the order stands still. One on its way, or on a desk already, is not compared."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree about one payment: the saga's input. Amounts are in minor units."""

    kind: str
    order_number: str
    payment_intent: str
    ours: int
    theirs: int
    currency: str
    our_currency: str = ""
    """Where it is another one."""

    @property
    def key(self) -> str:
        """The same difference is one case, however many nights it is found; other figures are another one."""
        return f"books:{self.kind}:{self.payment_intent or self.order_number}:{self.ours}:{self.theirs}"


def compare(ours: Ours | None, theirs: Theirs) -> Difference | None:
    """What does not agree about a payment; None when the books agree, or when the order is still moving.

    `ours` is the order that the payment names, None when there is none. A payment is ours when its id is the order's,
    or when it carries our identity and names an order: others use the processor's account too, and the same numbers.
    """
    kept = ours if ours is not None and ours.payment_intent == theirs.payment_intent else None
    mine = kept is not None or (theirs.by_us and theirs.order_number)
    if not mine or (ours is not None and not ours.settled):
        return None
    if kept is not None and kept.currency != theirs.currency:
        found = _difference("currency_differs", theirs, kept.charged, theirs.charged)
        return replace(found, our_currency=kept.currency)
    charged, refunded = (kept.charged, kept.refunded) if kept else (0, 0)
    undone = ours is None or kept is None or ours.status == Order.Status.CANCELLED
    if undone and theirs.charged == theirs.refunded and charged in (0, theirs.charged) and not theirs.unsettled:
        return None  # charged by mistake, and all of it given back at the processor
    if theirs.charged != charged:
        kind = "charged_without_order" if ours is None else "charged_differs"
        return _difference(kind, theirs, charged, theirs.charged)
    if theirs.refunded != refunded:
        return _difference("refunded_differs", theirs, refunded, theirs.refunded)
    if theirs.unsettled:
        return _difference("still_held", theirs, 0, 0)
    return None


def compare_missing(ours: Ours, theirs: Theirs | None) -> Difference | None:
    """What does not agree about an order that we keep as charged; `theirs` is its payment, None when they have none."""
    if theirs is not None:
        return compare(ours, theirs)
    if not ours.settled or not ours.charged:
        return None
    return Difference("charged_differs", ours.number, ours.payment_intent, ours.charged, 0, ours.currency)


def ours_of(numbers: Collection[str]) -> dict[str, Ours]:
    """Our books of these orders and trips, by number."""
    orders = [_ours(row) for row in _with_refunds().filter(number__in=numbers)]
    return {one.number: one for one in [*orders, *map(_trip, Trip.objects.filter(number__in=numbers))]}


def charged_between(since: object, until: object) -> Iterator[Ours]:
    """Our books of the orders and trips placed in [since, until) that were charged, of each the oldest first."""
    charged = Q(created_at__gte=since, created_at__lt=until, charged__gt=0)
    yield from (_ours(row) for row in _with_refunds().filter(charged).order_by("created_at").iterator())
    yield from (_trip(row) for row in Trip.objects.filter(charged).order_by("created_at").iterator())


def _with_refunds() -> QuerySet[Order]:
    """Orders, each with what the processor gave back for its returns, and whether one of them is on its way or on a
    desk. What was paid back another way the processor knows nothing of."""
    made = Q(returns__refunded_at__isnull=False) & ~Q(returns__refund_id="")
    moving = Q(returns__status__in=("requested", "refunding", "needs_attention"))
    return Order.objects.annotate(
        refunded=Coalesce(Sum("returns__amount", filter=made), Decimal(0)), returning=Count("returns", filter=moving)
    )


def _ours(row: Order) -> Ours:
    refunded, returning = row.refunded, row.returning  # type: ignore[attr-defined]  # annotated
    status = "returning" if returning else row.status
    return Ours(
        row.pk, row.number, status, row.payment_intent, row.charged, minor_units(refunded, row.currency), row.currency
    )


def _trip(row: Trip) -> Ours:
    """A trip is paid as an order is; nothing of it is ever given back, since it is charged when all is booked."""
    return Ours(row.pk, row.number, row.status, row.payment_intent, row.charged, 0, row.currency)


def _difference(kind: str, theirs: Theirs, ours: int, amount: int) -> Difference:
    return Difference(kind, theirs.order_number, theirs.payment_intent, ours, amount, theirs.currency)
