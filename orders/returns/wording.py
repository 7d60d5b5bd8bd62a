"""Returns put in plain words: for customers, and for the person at whose desk one lands."""

from __future__ import annotations

from decimal import Decimal

from orders.models import Order

from .models import Return

Status = Return.Status

DECLINED = {
    "never_left": "The warehouse says that these pieces never left it.",
    "not_taken_back": "The warehouse does not take these pieces back.",
    "unknown": "The carrier does not know the parcel.",
    "deadline": "It took us too long to arrange it.",
    "in_doubt": "One of the companies we work with did not answer.",
}
BOUNCED = "The refund of {} did not arrive: your bank gave it back to us. We owe it to you."
FREE = "It was free: there is nothing to refund."
STATES: dict[str, str] = {
    Status.REQUESTED: "We are telling the carrier and the warehouse.",
    Status.REFUNDING: "Your money is on its way back.",
    Status.NEEDS_ATTENTION: "One of us is looking at it. You need not do anything.",
}
PARCEL: dict[str, str] = {
    Return.Parcel.KEPT: "Please send the pieces back to us.",
    Return.Parcel.STOPPED: "The carrier stopped your parcel: it comes back to us by itself.",
    Return.Parcel.ON_ITS_WAY: "Your parcel had left already: please send it back to us.",
}
DESK = {
    "charge_already_refunded": "All of this charge has been refunded, by somebody else: look in the processor's "
    "dashboard whether one of its refunds was for this return. If so, skip with that refund; if not, pay the customer "
    "another way and skip with how.",
    "amount_too_large": "Less than this is left of the charge: look in the processor's dashboard what was refunded "
    "before, give back what is still owed, and skip with that refund.",
    "charge_disputed": "The customer has asked the bank for the money: it is taken back from us by the dispute. If the "
    "dispute is lost, resolve this as completed; if it is won, retry.",
    "insufficient_balance": "Our balance at the processor does not cover it: top it up, then retry.",
    "refund_failed": "The customer's bank did not take the money: ask the customer where to pay it instead, pay it, "
    "and skip with what you paid, without a refund id; or retry to send it to the card once more.",
}


def state(returned: Return, parcel: str, ahead: str = "") -> str:
    """Where the return stands, as the customer reads it; `parcel` is what became of the order's parcel, and `ahead`
    what is said of one that waits in the queue."""
    money = f"{returned.amount} {returned.currency}"
    match returned.status:
        case Status.DONE:
            return f"{f'{money} was refunded.' if returned.amount else FREE} {PARCEL[parcel]}"
        case Status.DECLINED:
            return f"We could not take it back. {declined(returned.status_reason)} Nothing was refunded."
        case Status.REFUNDING:
            return f"{STATES[Status.REFUNDING] if returned.amount else FREE} {PARCEL[parcel]}"
        case Status.NEEDS_ATTENTION if bounced(returned):
            return f"{BOUNCED.format(money)} One of us is looking at it, and may ask you where to pay it instead."
        case Status.REQUESTED if ahead:
            return f"It waits for its turn. {ahead}"
    return STATES[returned.status]


def bounced(returned: Return) -> bool:
    """Whether a refund had succeeded, and came back to us."""
    return bool(returned.refund_id) and returned.refunded_at is None


def headline(parcel: str) -> str:
    """The news about an order of which all is returned."""
    return "Your order is coming back to us." if parcel == Return.Parcel.STOPPED else "You are returning your order."


def declined(code: str) -> str:
    """Why a return was declined, as a sentence."""
    return DECLINED.get(code, "Please write to us.")


def desk(code: str) -> str:
    """What an operator can do about a refund that the processor refused with this code."""
    return DESK.get(
        code,
        "Look the charge up in the processor's dashboard; then retry, or pay the customer another "
        "way and skip with how.",
    )


def failure(reason: str) -> str:
    """Why a refund failed, from the processor's word for it, in the middle of a sentence."""
    return "the bank does not say why" if reason == "unknown" else f"the bank says {reason.replace('_', ' ')}"


def refunded(order: Order, amount: Decimal) -> str:
    """What has become of the customer's money since it was charged; empty when nothing was given back."""
    if not amount or not order.total:
        return ""
    return "All of it was refunded." if amount == order.total else f"{amount} {order.currency} of it was refunded."
