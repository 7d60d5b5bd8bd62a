"""Codes put in plain words for customers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings

from .models import Order
from .models.cancel_request import CancelRequest
from .money import shown

REASONS = {
    "card_declined": "Your bank declined the card.",
    "insufficient_funds": "Your bank said the card does not have enough funds.",
    "expired_card": "Your bank said the card has expired.",
    "incorrect_cvc": "Your bank said the card's security code is wrong.",
    "processing_error": "Your bank could not process the card.",
    "lost_card": "Your bank declined the card.",
    "stolen_card": "Your bank declined the card.",
    "authentication_required": "Your bank asked for a confirmation that this page cannot give.",
    "authentication_failed": "You did not confirm the payment with your bank, or your bank did not accept it.",
    "authentication_timed_out": "The payment was not confirmed with your bank in time.",
    "authorization_expired": "Your bank's hold on your card expired before we could charge it, and was not renewed.",
    "amount_too_small": "It comes to less than a card can pay.",
    "amount_too_large": "It comes to more than a card can pay.",
    "canceled": "The payment was cancelled before your bank held the amount.",
    "reservation_expired": "The warehouse could not keep your goods aside any longer.",
    "out_of_stock": "The warehouse no longer has everything you ordered.",
    "unknown_sku": "The warehouse does not know one of the products you ordered.",
    "address_refused": "The carrier does not deliver to you.",
    "no_capacity": "The carrier could not take the parcel.",
    "cancelled": "You cancelled it.",
    "compensated_by_hand": "One of us had to cancel it.",
    "in_doubt": "One of the companies we work with did not answer.",
    "own_failure": "Something went wrong on our side.",
    "waiting": "One of the companies we work with did not answer.",
    "deadline": "It took us too long to complete it.",
}

HEADLINES: dict[str, str] = {
    Order.Status.PROCESSING: "We are working on your order.",
    Order.Status.CONFIRMED: "Your order is on its way.",
    Order.Status.CANCELLING: "Your order is being cancelled.",
    Order.Status.CANCELLED: "Your order is cancelled.",
    Order.Status.NEEDS_ATTENTION: "Your order needs a closer look.",
}


@dataclass(frozen=True, slots=True)
class StepWords:
    """A step as the customer reads it: while it runs, when it is done, and when it is undone."""

    who: str
    doing: str
    done: str
    undoing: str = ""
    undone: str = ""

    def title(self, state: str) -> str:
        """The words for a state of `timeline.STATES`."""
        return {"done": self.done, "undoing": self.undoing, "undone": self.undone}.get(state) or self.doing


class Words(Protocol):
    """Words for the steps of a saga and for what goes wrong in them: this module, or another app's."""

    def step(self, name: str, /) -> StepWords:
        """The words for a step."""

    def reason(self, code: str, /) -> str:
        """Why it was refused, as a sentence."""


STEPS = {
    "authorize_payment": StepWords(
        "The bank",
        "Authorising your payment",
        "Payment authorised",
        "Releasing any hold on your card",
        "Any hold on your card released",
    ),
    "reserve_stock": StepWords(
        "The warehouse",
        "Confirming availability",
        "Availability confirmed",
        "Putting your goods back",
        "Goods put back",
    ),
    "book_shipment": StepWords(
        "The carrier", "Booking your parcel", "Parcel booked", "Cancelling your parcel", "Parcel cancelled"
    ),
    "capture_payment": StepWords("The bank", "Taking the payment", "Payment taken"),
    "commit_stock": StepWords("The warehouse", "Packing your goods", "Goods packed"),
    "dispatch_parcel": StepWords("The carrier", "Sending your parcel", "Parcel sent"),
    "send_confirmation": StepWords("The shop", "Confirming your order", "Order confirmed"),
}


def step(name: str) -> StepWords:
    """The words for a step; one without words of its own is shown by its name."""
    plain = name.replace("_", " ").capitalize()
    return STEPS.get(name, StepWords("The other side", plain, plain))


CONFIRM = "Your bank asks you to confirm this payment."
WAITS_FOR_CUSTOMER = "waiting for you"


def confirm_within(thing: str) -> str:
    """What becomes of a payment that the customer confirms, and of one that they do not."""
    minutes = math.ceil(settings.ORDERS_CONFIRM_WITHIN.total_seconds() / 60)
    span = "a minute" if minutes == 1 else f"{minutes} minutes"
    return f"Your {thing} goes on as soon as you have. If you do not within {span}, we cancel it and charge nothing."


WAITS_FOR_TURN = "waiting for its turn"
LOOKED_AT = "One of us looks at it before it goes on. You need not do anything."


def out_of_touch(who: str) -> str:
    """That the order waits for a company, whichever side keeps us from calling it."""
    return f"We are out of touch with {who} just now, and go on by ourselves as soon as that is over."


def turn(ahead: int, seconds: float | None, *, more: bool = False) -> str:
    """How many are ahead of something that waits in the queue, and how long that takes if `seconds` is known. `more`
    says that nobody counted further."""
    others = f"{ahead:,} others are" if ahead > 1 else "1 other is"
    said = f"{'At least ' if more else ''}{others} ahead of it"
    if seconds is None:
        return f"{said}."
    return f"{said}; its turn comes in {about(seconds)}{' or later' if more else ''}."


def about(seconds: float) -> str:
    """A span as one tells a person who waits: rounded up, to five seconds or to a minute."""
    if seconds <= 5:
        return "a few seconds"
    if seconds <= 90:
        return f"about {math.ceil(seconds / 5) * 5} seconds"
    return f"about {math.ceil(seconds / 60)} minutes"


def inside(who: str) -> str:
    """The name of a company in the middle of a sentence."""
    return who[:1].lower() + who[1:]


FREE = "There is nothing to pay."
UNRECORDED = "One of us closed it by hand. We have no record of a charge to your card."


def charge(order: Order, capture: str) -> str:
    """What has become of the customer's money; `capture` is the status of the step that takes it."""
    total = f"{order.total} {order.currency}"
    if not order.total:
        return FREE
    if order.status == Order.Status.CANCELLED and order.charged:
        return f"Your card was charged {shown(order.charged, order.currency)}, and you get all of it back."
    if capture == "done" or order.status == Order.Status.CONFIRMED:
        return taken(total, recorded=capture == "done" or order.charged > 0)
    if order.status == Order.Status.CANCELLED:
        return "Your card was not charged."
    if capture in {"pending", "refused"}:
        return "Your card has not been charged."
    if order.status == Order.Status.NEEDS_ATTENTION and order.charged:
        return (
            f"Your card was charged {shown(order.charged, order.currency)}, and not {total}. One of us sets it right."
        )
    if order.status == Order.Status.NEEDS_ATTENTION:
        return "We are finding out whether your card was charged. It will not be charged twice."
    return "Your card is being charged, once."


def taken(total: str, *, recorded: bool) -> str:
    """What is said of the charge of what is done; it was not recorded where a person closed the thing before."""
    return f"Your card was charged {total}, once." if recorded else UNRECORDED


def reason(code: str) -> str:
    """Why an order was cancelled, as a sentence; empty for an empty code."""
    if not code:
        return ""
    return REASONS.get(code, "We could not complete it.")


def customer_reason(order: Order) -> str:
    """What the customer is told about why the order stands as it does; empty while all goes well."""
    if order.status == order.Status.NEEDS_ATTENTION:
        return "Something did not answer as it should. A person is looking at your order."
    return reason(order.status_reason)


def answer(request: CancelRequest, order: Order, capture: str) -> str:
    """What a customer who asks to cancel is told at once; `capture` as in `charge`."""
    match request.answer:
        case CancelRequest.Answer.TOO_LATE:
            charged = capture == "done" or order.status == Order.Status.CONFIRMED
            when = "" if order.status == Order.Status.CONFIRMED else ", once it is on its way"
            late = f"It is too late to cancel this order: your card {'was' if charged else 'is being'} charged."
            return f"{late} You can return it{when}."
        case CancelRequest.Answer.WITH_A_PERSON:
            return "This order cannot be cancelled just now: one of us is looking at it, and sees that you asked."
        case CancelRequest.Answer.ALREADY:
            return "This order was being cancelled already."
        case _:
            return "We cancel this order; your card was not charged."


def race(request: CancelRequest | None) -> str:
    """Who won when the customer asked to cancel, and when; empty when nobody asked."""
    if request is None:
        return ""
    begun = request.charge_begun_at
    exact = begun is not None and f"{begun:%X}" == f"{request.asked_at:%X}"
    asked = f"You asked to cancel at {clock(request.asked_at, exact=exact)}"
    match request.answer:
        case CancelRequest.Answer.TOO_LATE if begun is not None:
            before = clock(begun, exact=exact)
            return f"{asked}. The bank had been asked to charge your card at {before}: it was too late."
        case CancelRequest.Answer.TOO_LATE:
            return f"{asked}. The bank had been asked to charge your card before: it was too late."
        case CancelRequest.Answer.WITH_A_PERSON:
            return f"{asked}, while one of us was looking at your order; they see that you asked."
        case CancelRequest.Answer.ALREADY:
            return f"{asked}. It was being cancelled already."
        case _:
            return f"{asked}, before the bank was asked to charge your card."


def clock(at: datetime, *, exact: bool) -> str:
    """A time of day as the customer reads it; `exact` to the thousandth of a second, when two would read the same."""
    return f"{at:%H:%M:%S}{f'.{at.microsecond // 1000:03}' if exact else ''} UTC"


def ago(span: timedelta) -> str:
    """How long ago something was, roughly: in seconds, then in minutes."""
    seconds = max(1, round(span.total_seconds()))
    count, unit = (seconds, "second") if seconds < 90 else (round(seconds / 60), "minute")
    return f"{count} {unit}{'' if count == 1 else 's'} ago"


CHANGED = (
    "Your order changed after this page was shown, and was not cancelled. Look at it as it stands now, then decide."
)
