"""The test cards, named as Stripe names them, and four that only the stand-in has.

Sources: https://docs.stripe.com/testing and https://docs.stripe.com/declines/codes
"""

from __future__ import annotations

from dataclasses import dataclass

ANSWER_LOST = "pm_card_answerLost"  # confirmation and capture are applied, and both answers are lost
CAPTURE_FAILS = "pm_card_captureFails"  # the first captures answer 500 and do nothing
SERVER_ERROR = "pm_card_serverError"  # confirming fails with a 500 that the idempotency key stores
AUTHORIZATION_EXPIRES = "pm_card_authorizationExpires"  # an order's first authorisation expires at once
CAPTURE_OUTAGES = 4
"""Captures of a `pm_card_captureFails` that fail before one works."""

REFUND_FAILS = "pm_card_refundFail"  # a refund succeeds, and some time later it has failed
REFUND_PENDS = "pm_card_pendingRefund"  # a refund is pending, and some time later it succeeds
DISPUTED = {"pm_card_createDispute": "fraudulent", "pm_card_createDisputeProductNotReceived": "product_not_received"}
"""Charges of these are disputed at once, for these reasons."""


@dataclass(frozen=True, slots=True)
class Decline:
    """The bank's refusal."""

    code: str
    decline_code: str
    message: str = "Your card was declined."


SUCCEED = frozenset(
    {
        "pm_card_visa",
        "pm_card_visa_debit",
        "pm_card_mastercard",
        "pm_card_amex",
        "pm_card_threeDSecureOptional",
        ANSWER_LOST,
        CAPTURE_FAILS,
        SERVER_ERROR,
        AUTHORIZATION_EXPIRES,
        REFUND_FAILS,
        REFUND_PENDS,
        *DISPUTED,
    }
)
DECLINES = {
    "": Decline("card_declined", "generic_decline"),
    "InsufficientFunds": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "LostCard": Decline("card_declined", "lost_card"),
    "StolenCard": Decline("card_declined", "stolen_card"),
    "ExpiredCard": Decline("expired_card", "expired_card", "Your card has expired."),
    "IncorrectCvc": Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "ProcessingError": Decline(
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
}
PREFIXES = ("pm_card_chargeDeclined", "pm_card_visa_chargeDeclined")
AUTHENTICATED: dict[str, Decline | None] = {
    "pm_card_authenticationRequired": None,
    "pm_card_threeDSecure2Required": None,
    "pm_card_threeDSecureRequired": None,
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": DECLINES["InsufficientFunds"],
    "pm_card_threeDSecureRequiredChargeDeclined": DECLINES[""],
}
"""Cards whose bank asks the customer to confirm the payment, and the decline that follows, if any."""
BY_NAME = {f"{prefix}{suffix}": decline for prefix in PREFIXES for suffix, decline in DECLINES.items()}


def is_known(name: str) -> bool:
    return name in SUCCEED or name in BY_NAME or name in AUTHENTICATED


def needs_authentication(name: str) -> bool:
    """Whether the customer has to confirm each payment with the bank (3-D Secure)."""
    return name in AUTHENTICATED


def decline_of(name: str) -> Decline | None:
    """The decline of the card's bank; None when it pays."""
    return BY_NAME.get(name) or AUTHENTICATED.get(name)


def decline_for(code: str) -> Decline:
    """The decline with this code or decline code, for a fault; "" is the generic one."""
    for decline in DECLINES.values():
        if code in {decline.code, decline.decline_code}:
            return decline
    return Decline("card_declined", code or "generic_decline")
