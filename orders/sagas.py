"""The checkout: how an order is carried through payment, warehouse and carrier. Reading order is running order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from outbox import publish
from sagas import Awaits, InputChange, NotApplied, Refused, Retry, Saga, Stake, StatusChange, StepContext, UndoContext

from .desk import input_checks
from .desk.advice import ADVICE
from .events import ParcelDispatched, PaymentAuthorized, PaymentCaptured, StockReserved
from .lifecycle import payment, status
from .models import Order
from .money import major_units, minor_units
from .participants import carrier, payments, records, warehouse
from .participants.minor_units import Minor

ORDER = "order:"


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """An order as it was accepted; the saga reads nothing else of the shop."""

    order_id: UUID
    order_number: str
    email: str
    amount: Minor
    currency: str
    payment_method: str
    lines: tuple[Line, ...]
    placed_at: datetime | None = None
    """Runs that are older than this field know nothing of it."""

    @property
    def key(self) -> str:
        """What the order's messages are ordered by."""
        return f"{ORDER}{self.order_id}"


def is_free(order: Checkout) -> bool:
    """Whether there is nothing to pay: then no bank is asked, whether it is there or not."""
    return not order.amount


checkout = Saga[Checkout](
    "checkout",
    version=1,
    deadline=timedelta(minutes=30),
    admin_url=lambda order: reverse("admin:orders_order_change", args=[order.order_id]),
    record_url=lambda order, participant: records.url_of(participant, order.order_number),
    stake=lambda order: Stake(major_units(order.amount, order.currency), order.currency),
    not_again="An order is carried by one run, which its key names. Place a new order for the customer.",
    label=lambda order: order.order_number,
)
checkout.advice(ADVICE)


@checkout.attributes
def found_by(order: Checkout) -> dict[str, str | Decimal]:
    """What operators find an order's run by, beside its subject."""
    return {"customer": order.email, "amount": major_units(order.amount, order.currency), "currency": order.currency}


@checkout.validator
def as_ordered(change: InputChange[Checkout]) -> None:
    """What an operator gives the run is still this order."""
    order, given = Order.objects.get(pk=change.key.removeprefix(ORDER)), change.after
    lines = order.lines.values_list("sku", "quantity")
    input_checks.unchanged(
        "order",
        {
            "order_id": (order.pk, given.order_id),
            "order_number": (order.number, given.order_number),
            "amount": (
                input_checks.money(minor_units(order.total, order.currency), order.currency),
                input_checks.money(given.amount, given.currency),
            ),
            "lines": (
                input_checks.pieces(lines),
                input_checks.pieces((line.sku, line.quantity) for line in given.lines),
            ),
        },
    )


BEFORE_PIVOT = Retry(attempts=5, first=timedelta(milliseconds=500))
FOREVER = Retry.until_done(longest=timedelta(seconds=30))
LOOK_AGAIN = timedelta(minutes=1)
"""After which a payment that the customer must confirm is asked about, should nobody say that they have."""


@checkout.step(participant="payments", timeout=timedelta(seconds=10), retry=BEFORE_PIVOT, unless=is_free)
def authorize_payment(ctx: StepContext[Checkout]) -> payments.Authorization:
    """The bank holds the amount; nothing is charged. Where it wants the customer to confirm, the step waits."""
    try:
        return payments.authorize(_payment(ctx.input), key=ctx.key, timeout=ctx.timeout)
    except payments.ActionRequired as wanted:
        told = Order.objects.filter(pk=ctx.input.order_id, action_url=wanted.action.url).exists()
        raise until_confirmed(wanted.action, told=told) from wanted


@authorize_payment.awaiting
def confirmation_awaited(ctx: StepContext[Checkout], awaits: Awaits) -> None:
    if isinstance(awaits.detail, payments.Action):
        payment.ask_to_confirm(ctx.input.order_id, awaits.detail)


@authorize_payment.undo
def cancel_authorization(ctx: UndoContext[Checkout, payments.Authorization]) -> None:
    """By the step's key: its answer may have been lost."""
    known = ctx.result.intent_id if ctx.result else ""
    payments.void(_payment(ctx.input), key=ctx.step_key, timeout=ctx.timeout, intent_id=known)


@authorize_payment.probe
def find_authorization(ctx: StepContext[Checkout]) -> payments.Authorization | NotApplied:
    """What the bank says became of an authorisation whose answers were all lost."""
    return payments.find_authorization(_payment(ctx.input), key=ctx.key, timeout=ctx.timeout) or NotApplied()


@authorize_payment.expected()
def hold_as_owed(ctx: StepContext[Checkout]) -> dict[str, object]:
    return {"amount": ctx.input.amount, "currency": ctx.input.currency}


@authorize_payment.validator
def hold_is_named(ctx: StepContext[Checkout], held: payments.Authorization) -> None:
    input_checks.named("intent_id", held.intent_id)


@authorize_payment.recorded
def payment_authorized(ctx: StepContext[Checkout], held: payments.Authorization) -> None:
    payment.note_hold(ctx.input.order_id, held.intent_id)
    publish(PaymentAuthorized(ctx.input.order_id, held.intent_id, held.amount, held.currency), key=ctx.input.key)


@checkout.step(participant="warehouse", timeout=timedelta(seconds=5), retry=BEFORE_PIVOT)
def reserve_stock(ctx: StepContext[Checkout]) -> warehouse.Reservation:
    """The warehouse puts the goods aside."""
    lines = [(line.sku, line.quantity) for line in ctx.input.lines]
    return warehouse.reserve(ctx.input.order_number, lines, key=ctx.key, timeout=ctx.timeout)


@reserve_stock.undo
def release_stock(ctx: UndoContext[Checkout, warehouse.Reservation]) -> None:
    warehouse.release(ctx.step_key, timeout=ctx.timeout)


@reserve_stock.validator
def goods_as_ordered(ctx: StepContext[Checkout], reservation: warehouse.Reservation) -> None:
    ordered = input_checks.pieces((line.sku, line.quantity) for line in ctx.input.lines)
    input_checks.unchanged("order", {"lines": (ordered, input_checks.pieces(reservation.lines))})
    input_checks.named("key", reservation.key)


@reserve_stock.recorded
def stock_reserved(ctx: StepContext[Checkout], reservation: warehouse.Reservation) -> None:
    publish(StockReserved(ctx.input.order_id, reservation.key), key=ctx.input.key)


@checkout.step(participant="carrier", timeout=timedelta(seconds=5), retry=BEFORE_PIVOT)
def book_shipment(ctx: StepContext[Checkout]) -> carrier.Booking:
    """The carrier prints a label; it fetches nothing before the parcel is dispatched."""
    return carrier.book(ctx.input.order_number, key=ctx.key, timeout=ctx.timeout)


@book_shipment.undo
def cancel_shipment(ctx: UndoContext[Checkout, carrier.Booking]) -> None:
    carrier.cancel(ctx.step_key, timeout=ctx.timeout)


@checkout.pivot(
    participant="payments",
    timeout=timedelta(seconds=10),
    retry=Retry(attempts=4, first=timedelta(seconds=1), longest=timedelta(seconds=30)),
    unless=is_free,
)
def capture_payment(ctx: StepContext[Checkout]) -> payments.Capture:
    """The card is charged: from here only forward. A hold that has expired is renewed first, where the bank does so."""
    intent = ctx.result_of(authorize_payment).intent_id
    try:
        return payments.capture(intent, key=ctx.key, timeout=ctx.timeout, renew=_payment(ctx.input))
    except payments.OtherAmount as other:
        payment.note_other_charge(ctx.input.order_id, other.intent_id, other.amount)
        raise


@capture_payment.probe
def find_capture(ctx: StepContext[Checkout]) -> payments.Capture | NotApplied:
    """What the bank says became of a capture whose answer was lost."""
    intent = ctx.result_of(authorize_payment).intent_id
    return payments.find_capture(intent, timeout=ctx.timeout, renew=_payment(ctx.input)) or NotApplied()


@capture_payment.expected()
def charge_as_owed(ctx: StepContext[Checkout]) -> dict[str, object]:
    return {"amount": ctx.input.amount}


@capture_payment.validator
def charge_is_named(ctx: StepContext[Checkout], captured: payments.Capture) -> None:
    input_checks.named("intent_id", captured.intent_id)


@capture_payment.recorded
def payment_captured(ctx: StepContext[Checkout], captured: payments.Capture) -> None:
    payment.note_charge(ctx.input.order_id, captured.intent_id, captured.amount)
    fact = PaymentCaptured(ctx.input.order_id, captured.intent_id, captured.amount, ctx.input.currency)
    publish(fact, key=ctx.input.key)


@checkout.step(participant="warehouse", timeout=timedelta(seconds=5), retry=FOREVER)
def commit_stock(ctx: StepContext[Checkout]) -> None:
    """The reserved goods leave the stock."""
    warehouse.commit(ctx.result_of(reserve_stock).key, key=ctx.key, timeout=ctx.timeout)


@checkout.step(participant="carrier", timeout=timedelta(seconds=5), retry=FOREVER)
def dispatch_parcel(ctx: StepContext[Checkout]) -> carrier.Parcel:
    """The carrier fetches the parcel."""
    return carrier.dispatch(ctx.result_of(book_shipment).key, key=ctx.key, timeout=ctx.timeout)


@dispatch_parcel.recorded
def parcel_dispatched(ctx: StepContext[Checkout], parcel: carrier.Parcel) -> None:
    publish(ParcelDispatched(ctx.input.order_id, parcel.tracking), key=ctx.input.key)


@checkout.step(local=True, retry=FOREVER)
def send_confirmation(ctx: StepContext[Checkout]) -> None:
    """The order is confirmed, and the event that its e-mail hangs on is written: one transaction, exactly once.

    Mail cannot be unsent, so that it goes last; that it fails never undoes a paid order.
    """
    status.confirm_order(ctx.input.order_id, ctx.result_of(dispatch_parcel).tracking)


@checkout.status_changed
def follow(change: StatusChange[Checkout]) -> None:
    """The order's own status follows its run's."""
    order = UUID(change.key.removeprefix(ORDER))
    match change.resolution or change.after:
        case "running":
            status.mark_processing(order)
        case "undoing":
            status.mark_cancelling(order, change.code)
        case "compensated":
            status.mark_cancelled(order, change.code, by_hand=bool(change.resolution))
        case "stuck" if change.before == "stuck":
            status.tell_the_desk(order, change.reason)
        case "stuck":
            status.mark_needs_attention(order, change.reason)
        case "completed" if change.resolution:
            status.confirm_order(order, "")


def until_confirmed(action: payments.Action, *, told: bool) -> Awaits | Refused:
    """What the step raises while the bank waits for the customer, and once that takes too long.

    A customer who was not told where to confirm is told first, however late that is.
    """
    left = action.since + settings.ORDERS_CONFIRM_WITHIN - timezone.now()
    if left <= timedelta(0) and told:
        return Refused("authentication_timed_out", "The customer did not confirm the payment in time.")
    return Awaits(
        min(left, LOOK_AGAIN) if left > timedelta(0) else LOOK_AGAIN, "the customer is to confirm the payment", action
    )


def _payment(order: Checkout) -> payments.PaymentRequest:
    return payments.PaymentRequest(
        order_number=order.order_number,
        amount=order.amount,
        currency=order.currency,
        payment_method=order.payment_method,
        email=order.email,
        return_url=f"{settings.SITE_URL}{reverse('order-returned', args=[order.order_id])}",
        begun=order.placed_at,
    )
