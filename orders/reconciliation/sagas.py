"""A difference between the books, and a disputed charge: cases that a person settles, on the desk of all sagas.

Both have nothing to undo: the first step only opens the case, and is the point of no return. The second asks again and
refuses while there is something to settle, which puts the run on the desk; *Retry now* asks once more, and closes the
case by itself when the books agree; *Resolve by hand* closes it with the operator's reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse

from orders.desk import input_checks
from orders.models import Order
from orders.money import CURRENCIES, major_units
from orders.participants import records
from orders.trips.models import Trip
from sagas import InputChange, Refused, Retry, Saga, Stake, StepContext

from . import wording
from .books import Difference, compare, compare_missing, ours_of
from .processor import DISPUTE_CLOSED, Theirs, dispute, payment

ASK = timedelta(seconds=20)


def order_page(number: str) -> str:
    """The order's or the trip's page in the admin; the list of orders for a number that is not ours."""
    if trip := Trip.objects.filter(number=number).only("pk").first():
        return reverse("admin:trips_trip_change", args=[trip.pk])
    order = Order.objects.filter(number=number).only("pk").first()
    return reverse("admin:orders_order_change", args=[order.pk]) if order else reverse("admin:orders_order_changelist")


def difference_of(found: Difference) -> Stake | None:
    """What one side has more than the other; None for two currencies, and for one that nobody here can scale."""
    if found.our_currency or found.currency not in CURRENCIES:
        return None
    return Stake(major_units(abs(found.ours - found.theirs), found.currency), found.currency)


books = Saga[Difference](
    "books",
    version=1,
    admin_url=lambda difference: order_page(difference.order_number),
    record_url=lambda difference, participant: records.url_of(participant, difference.order_number),
    stake=difference_of,
    not_again="The next reconciliation opens a new case where the books still differ.",
    label=lambda difference: difference.order_number,
)


@books.pivot()
def open_case(ctx: StepContext[Difference]) -> None:
    """A case is only looked into from here on."""


@books.step(participant="payments", timeout=ASK, retry=Retry.until_done(longest=timedelta(minutes=5)))
def agree(ctx: StepContext[Difference]) -> None:
    """Both books are read once more. Refused, and so on the desk, while they differ."""
    left = differs_now(ctx.input, ctx.timeout)
    if left is not None:
        raise Refused(left.kind, wording.explain(left))


@dataclass(frozen=True, slots=True)
class Dispute:
    """A charge that the customer disputes."""

    dispute: str
    payment_intent: str
    order_number: str


disputed = Saga[Dispute](
    "dispute",
    version=1,
    admin_url=lambda case: order_page(case.order_number),
    record_url=lambda case, participant: records.url_of(participant, case.order_number),
    not_again="A dispute is one case. What the bank reports of it later is a case of its own.",
    label=lambda case: case.order_number,
)


@disputed.pivot()
def take_up(ctx: StepContext[Dispute]) -> None:
    """A case is only looked into from here on."""


@disputed.step(participant="payments", timeout=ASK, retry=Retry.until_done(longest=timedelta(minutes=5)))
def be_decided(ctx: StepContext[Dispute]) -> str:
    """How the bank decided; refused, and so on the desk, until it has."""
    found = dispute(ctx.input.dispute, timeout=ctx.timeout)
    if found.is_open:
        raise Refused("disputed", wording.explain_dispute(found, ctx.input.order_number))
    return found.status


@be_decided.validator
def decided_as_banks_do(ctx: StepContext[Dispute], decision: str) -> None:
    input_checks.one_of("decision", decision, DISPUTE_CLOSED)


def as_found(change: InputChange[Any]) -> None:
    """A case is what was found; another finding is another case."""
    if change.before is not None and change.before != change.after:
        raise ValueError("A case stays what was found. Resolve it by hand, and say why. Nothing was done.")


books.validator(as_found)
disputed.validator(as_found)


def differs_now(found: Difference, timeout: timedelta) -> Difference | None:
    """What of a difference is left, by both books as they are now."""
    ours = ours_of([found.order_number]).get(found.order_number)
    theirs = _theirs_now(found, timeout)
    if theirs is not None:
        return compare(ours, theirs)
    return None if ours is None else compare_missing(ours, None)


def _theirs_now(found: Difference, timeout: timedelta) -> Theirs | None:
    try:
        return payment(found.payment_intent, timeout=timeout)
    except Refused as unknown:
        if unknown.code != "resource_missing":
            raise
        return None
