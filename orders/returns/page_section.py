"""The part of an order's page that is about its returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orders.coordination.choose import progress_of
from orders.models import Order
from orders.presentation import turn
from sagas.models import Run, StepStatus
from sagas.presentation.queue import waits_since

from . import wording
from .models import Return
from .returnable import left_of, why_not
from .sagas import returning

TOO_LATE = "It is too late to cancel this order. Once it is on its way you can return it, here on this page."


@dataclass(frozen=True, slots=True)
class ShownReturn:
    """One return on the page."""

    number: str
    pieces: tuple[str, ...]
    status: str
    state: str
    """Where it stands, in a sentence."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows below the order's steps."""

    returns: tuple[ShownReturn, ...]
    refunded: str
    """What of the charge was given back, in a sentence; empty while nothing was."""
    can_return: bool
    headline: str
    """The news about an order of which all is returned; else empty."""
    hint: str
    """How an order that can no longer be cancelled can be given back."""
    moving: bool
    """Whether the page is to ask again."""

    @classmethod
    def of(cls, order: Order) -> Shown:
        """The order's returns as they stand, oldest first."""
        returns = list(order.returns.prefetch_related("lines__line").order_by("created_at"))
        kept = left_of(order) if order.status == Order.Status.CONFIRMED else []
        all_back = bool(kept) and not any(one.quantity for one in kept)
        parcel = parcel_of(returns)
        return cls(
            returns=tuple(show(one, parcel) for one in returns),
            refunded=wording.refunded(order, sum((one.amount for one in returns if one.refunded_at), Decimal(0))),
            can_return=bool(kept) and not all_back and not why_not(order),
            headline=wording.headline(parcel) if all_back else "",
            hint=TOO_LATE if is_paid_for(order) else "",
            moving=any(not one.is_final for one in returns),
        )


def parcel_of(returns: list[Return]) -> str:
    """What became of the order's parcel, a value of `Return.Parcel`: one return may have it stopped for all."""
    return next((one.parcel for one in returns if one.parcel), Return.Parcel.KEPT.value)


def show(returned: Return, parcel: str) -> ShownReturn:
    """One return in the customer's words."""
    ahead = turn.words(queued_since(returned))
    pieces = tuple(f"{line.quantity} × {line.line.name}" for line in returned.lines.all())
    return ShownReturn(returned.number, pieces, returned.status, wording.state(returned, parcel, ahead))


def queued_since(returned: Return) -> datetime | None:
    """Since when it waits for a worker to take it up; None once one has. Asks nobody about one that is further."""
    if returned.status != Return.Status.REQUESTED:
        return None
    run = Run.objects.filter(name=returning.name, key=returned.saga_key).first()
    return None if run is None else waits_since(run)


def is_paid_for(order: Order) -> bool:
    """Whether the order is past its point of no return and still moving by itself."""
    if order.status != Order.Status.PROCESSING:
        return False
    progress = progress_of(order)
    return progress is not None and progress.capture == StepStatus.DONE
