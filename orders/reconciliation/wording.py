"""What a person reads about a difference: what each side says, and what to do."""

from __future__ import annotations

from orders.money import shown

from .books import Difference
from .processor import Disputed

WHAT_TO_DO = {
    "charged_without_order": (
        "the card processor charged {theirs} for order {number}, and there is no such order here. Find out whose "
        "payment {payment} is; refund it at the processor if it is nobody's."
    ),
    "charged_differs": (
        "our books say that order {number} was charged {ours}, the card processor's say {theirs} (payment {payment}). "
        "If too much was taken, refund it at the processor. If the order is right, have its books set right."
    ),
    "currency_differs": (
        "our books say that order {number} was charged {ours}, the card processor's say {theirs}, in another currency "
        "(payment {payment}). Refund it at the processor, and have the order paid in its own currency or its books set "
        "right."
    ),
    "refunded_differs": (
        "our books say that {ours} of order {number} was given back, the card processor's say {theirs} (payment "
        "{payment}). Find out who refunded it at the processor, or refund what is missing."
    ),
    "still_held": (
        "the bank still holds money of order {number}, or could yet, although the order is settled (payment "
        "{payment}). Cancel the payment at the processor."
    ),
}
THEN = (
    "Then press Retry now: both books are read again, and the case closes by itself when they agree. To leave it as it "
    "is, resolve it by hand and say why."
)


def explain(difference: Difference) -> str:
    """A difference in sentences."""
    text = WHAT_TO_DO[difference.kind].format(
        number=difference.order_number,
        payment=difference.payment_intent or "unknown",
        ours=shown(difference.ours, difference.our_currency or difference.currency),
        theirs=shown(difference.theirs, difference.currency),
    )
    return f"{text[:1].upper()}{text[1:]} {THEN}"


def explain_dispute(found: Disputed, number: str) -> str:
    """An open dispute in sentences."""
    by = f" by {found.answer_by:%Y-%m-%d %H:%M} UTC" if found.answer_by else ""
    what = f"for {number}" if number else f"(payment {found.payment_intent or 'unknown'}, which is none of ours)"
    return (
        f"The customer disputes the {shown(found.amount, found.currency)} charged {what} at their bank, which says: "
        f"{found.reason.replace('_', ' ')} (dispute {found.dispute}, {found.status.replace('_', ' ')}). Answer it "
        f"at the card processor{by}, with what the page of {number or 'the order'} says of what was delivered, or "
        "accept it. The case closes by itself when the bank has decided; Retry now asks at once."
    )
