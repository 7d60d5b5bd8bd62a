"""A return: the parcel, the goods, then the money. And a refund that fails after all. Reading order is running order.

The refund comes last because it cannot be taken back; it is not the pivot, because a bank's no must not send the goods
out again: see `docs/decisions/0023-a-return-pays-back-last.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.urls import reverse

from orders.desk import input_checks
from orders.money import major_units, minor_units
from orders.participants import carrier, records, refunding, warehouse
from orders.participants.minor_units import Minor
from sagas import InputChange, NotApplied, Refused, Retry, Saga, Stake, StatusChange, StepContext, UndoContext

from . import refunds, status
from .models import Return


@dataclass(frozen=True, slots=True)
class Line:
    """So many pieces of one product."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class GoodsBack:
    """A return as it was accepted; the saga reads nothing else of the order."""

    return_id: UUID
    return_number: str
    order_number: str
    payment_intent: str
    tracking: str
    """The parcel to recall; empty where something in it is still wanted."""
    amount: Minor
    currency: str
    lines: tuple[Line, ...]


def owes_nothing(wish: GoodsBack) -> bool:
    """Whether all that comes back was free: then no bank is asked."""
    return not wish.amount


returning = Saga[GoodsBack](
    "return",
    version=1,
    deadline=timedelta(hours=24),
    admin_url=lambda wish: reverse("admin:returns_return_change", args=[wish.return_id]),
    record_url=lambda wish, participant: records.url_of(participant, wish.order_number),
    stake=lambda wish: Stake(major_units(wish.amount, wish.currency), wish.currency),
    not_again="A return is carried by one run, which its key names. Take the goods back by a new return.",
    label=lambda wish: f"{wish.return_number} of {wish.order_number}",
)


@returning.attributes
def found_by(wish: GoodsBack) -> dict[str, str | Decimal]:
    """What operators find a return's run by, beside its subject."""
    amount = major_units(wish.amount, wish.currency)
    return {"order": wish.order_number, "amount": amount, "currency": wish.currency}


@returning.validator
def as_requested(change: InputChange[GoodsBack]) -> None:
    """What an operator gives the run is still this return."""
    given = change.after
    returned = kept(change.key.removeprefix("return:"))
    lines = returned.lines.values_list("line__sku", "quantity")
    same_money(returned, given)
    input_checks.unchanged(
        "return",
        {"lines": (input_checks.pieces(lines), input_checks.pieces((line.sku, line.quantity) for line in given.lines))},
    )


def kept(return_id: str) -> Return:
    """Our own row of it."""
    return Return.objects.select_related("order").get(pk=return_id)


def same_money(returned: Return, given: GoodsBack | FailedRefund) -> None:
    """Which return it is, what is owed for it, and whose payment gives it back."""
    owed = input_checks.money(minor_units(returned.amount, returned.currency), returned.currency)
    input_checks.unchanged(
        "return",
        {
            "return_id": (returned.pk, given.return_id),
            "return_number": (returned.number, given.return_number),
            "order_number": (returned.order.number, given.order_number),
            "payment_intent": (returned.order.payment_intent, given.payment_intent),
            "amount": (owed, input_checks.money(given.amount, given.currency)),
        },
    )


BEFORE_PIVOT = Retry(attempts=8, first=timedelta(milliseconds=500), longest=timedelta(minutes=2))
REFUND = Retry(attempts=6, first=timedelta(seconds=1), longest=timedelta(minutes=1))
OWED = ("refund_payment", "tell_customer", "pay_back")
"""The steps at which the money is owed."""


@returning.step(participant="carrier", timeout=timedelta(seconds=5), retry=BEFORE_PIVOT)
def recall_parcel(ctx: StepContext[GoodsBack]) -> str:
    """Stop the parcel while it is at the depot. That it is on its way is an answer: then the customer sends it back."""
    if not ctx.input.tracking:
        return Return.Parcel.KEPT
    return carrier.recall(ctx.input.tracking, key=ctx.key, timeout=ctx.timeout).status


@recall_parcel.undo
def let_parcel_go(ctx: UndoContext[GoodsBack, str]) -> None:
    if ctx.input.tracking:
        carrier.undo_recall(ctx.input.tracking, key=ctx.step_key, timeout=ctx.timeout)


@recall_parcel.validator
def parcel_as_known(ctx: StepContext[GoodsBack], parcel: str) -> None:
    input_checks.one_of("parcel", parcel, Return.Parcel.values)


@recall_parcel.recorded
def parcel_recalled(ctx: StepContext[GoodsBack], parcel: str) -> None:
    status.note_parcel(ctx.input.return_id, parcel)


@returning.step(participant="warehouse", timeout=timedelta(seconds=5), retry=BEFORE_PIVOT)
def take_back_stock(ctx: StepContext[GoodsBack]) -> None:
    """The warehouse counts the pieces as its own again."""
    lines = [(line.sku, line.quantity) for line in ctx.input.lines]
    warehouse.take_back(ctx.input.order_number, lines, key=ctx.key, timeout=ctx.timeout)


@take_back_stock.undo
def give_stock_out(ctx: UndoContext[GoodsBack, None]) -> None:
    """Refused when somebody has bought the pieces in the meantime: then a person decides."""
    warehouse.undo_take_back(ctx.step_key, timeout=ctx.timeout)


@returning.pivot()
def owe_refund(ctx: StepContext[GoodsBack]) -> None:
    """From here the money is the customer's, whatever the bank says: only forward. Nobody is asked; the hook writes
    the promise."""


@owe_refund.recorded
def refund_owed(ctx: StepContext[GoodsBack], result: None) -> None:
    status.mark_refunding(ctx.input.return_id)


@returning.step(participant="payments", timeout=timedelta(seconds=10), retry=REFUND, unless=owes_nothing)
def refund_payment(ctx: StepContext[GoodsBack]) -> refunding.Refund:
    """The card gets its money back. Refused, it lands on a person's desk."""
    wish = refunds.Wish(ctx.input.return_id, ctx.input.payment_intent, ctx.input.amount)
    return refunds.pay(wish, key=ctx.key, again=ctx.attempt > 1, timeout=ctx.timeout)


@refund_payment.probe
def find_refund(ctx: StepContext[GoodsBack]) -> refunding.Refund | NotApplied:
    """What the bank says became of a refund whose answers were all lost."""
    wish = refunds.Wish(ctx.input.return_id, ctx.input.payment_intent, ctx.input.amount)
    return refunds.find(wish, key=ctx.key, timeout=ctx.timeout) or NotApplied()


@refund_payment.expected()
def refund_as_owed(ctx: StepContext[GoodsBack]) -> dict[str, object]:
    return {"amount": ctx.input.amount}


@refund_payment.recorded
def payment_refunded(ctx: StepContext[GoodsBack], refund: refunding.Refund) -> None:
    status.note_refund(ctx.input.return_id, refund.refund_id)


@returning.step(local=True, retry=Retry.until_done())
def tell_customer(ctx: StepContext[GoodsBack]) -> None:
    """The return is done, and the event that its letter hangs on is written: one transaction, exactly once."""
    status.mark_done(ctx.input.return_id)


@returning.status_changed
def follow(change: StatusChange[GoodsBack]) -> None:
    """The return's own status follows its run's."""
    returned = UUID(change.key.removeprefix("return:"))
    match change.resolution or change.after:
        case "running":
            (status.mark_refunding if change.step in OWED else status.mark_requested)(returned)
        case "compensated":
            status.mark_declined(returned, change.code)
        case "stuck":
            status.mark_needs_attention(returned, change.reason)
        case "completed" if change.resolution:
            status.mark_done(returned)


@dataclass(frozen=True, slots=True)
class FailedRefund:
    """A refund that the bank gave back to us, days after it had succeeded."""

    return_id: UUID
    return_number: str
    order_number: str
    payment_intent: str
    refund_id: str
    amount: Minor
    currency: str
    why: str


failed_refund = Saga[FailedRefund](
    "failed_refund",
    version=1,
    admin_url=lambda wish: reverse("admin:returns_return_change", args=[wish.return_id]),
    record_url=lambda wish, participant: records.url_of(participant, wish.order_number),
    stake=lambda wish: Stake(major_units(wish.amount, wish.currency), wish.currency),
    not_again="A refund that failed is one case. Where money is still owed, refund it on the return's page.",
    label=lambda wish: f"{wish.return_number} of {wish.order_number}",
)
"""The return's own run is over, and may be pruned: what failed later is a run of its own."""


@failed_refund.validator
def as_owed(change: InputChange[FailedRefund]) -> None:
    """What an operator gives the run is still this return's refund."""
    _, return_id, refund_id = change.key.split(":", 2)
    same_money(kept(return_id), change.after)
    input_checks.unchanged("run", {"refund_id": (refund_id, change.after.refund_id)})


@failed_refund.pivot(participant="payments", timeout=timedelta(seconds=10), retry=Retry.until_done())
def look_at_refund(ctx: StepContext[FailedRefund]) -> None:
    """Whoever reported it is only a doorbell: the processor says what became of the refund."""
    refunds.expect_failed(ctx.input.refund_id, timeout=ctx.timeout)


@look_at_refund.recorded
def refund_is_owed(ctx: StepContext[FailedRefund], result: None) -> None:
    status.mark_unpaid(ctx.input.return_id, ctx.input.refund_id, refunds.unpaid(ctx.input.why))


@failed_refund.step(participant="payments", timeout=timedelta(seconds=10), retry=REFUND)
def pay_back(ctx: StepContext[FailedRefund]) -> refunding.Refund:
    """Stuck by nature: the same card would likely fail again. It pays only when a person has said *Retry now*, which
    sets the return to refunding; a person who has paid another way skips it."""
    if Return.objects.get(pk=ctx.input.return_id).status != Return.Status.REFUNDING:
        raise Refused("refund_failed", refunds.unpaid(ctx.input.why))
    wish = refunds.Wish(ctx.input.return_id, ctx.input.payment_intent, ctx.input.amount)
    return refunds.pay(wish, key=ctx.key, again=True, timeout=ctx.timeout)


@pay_back.expected()
def paid_as_owed(ctx: StepContext[FailedRefund]) -> dict[str, object]:
    return {"amount": ctx.input.amount}


@pay_back.recorded
def paid_back(ctx: StepContext[FailedRefund], refund: refunding.Refund) -> None:
    status.note_refund(ctx.input.return_id, refund.refund_id)
    status.mark_paid_back(ctx.input.return_id)


@failed_refund.status_changed
def follow_failure(change: StatusChange[FailedRefund]) -> None:
    """The return is where its failed refund is."""
    if change.input is None:
        return
    returned = change.input.return_id
    match change.resolution or change.after:
        case "running" if change.step in OWED:
            status.mark_refunding(returned)
        case "stuck":
            status.mark_needs_attention(returned, change.reason)
        case "completed" if change.resolution:  # another way: the processor's books show no refund
            status.note_refund(returned, "")
            status.mark_paid_back(returned)
        case "compensated" if change.resolution:  # nothing is owed, as the operator says
            status.mark_declined(returned, change.code)
