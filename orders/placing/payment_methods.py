"""The cards a customer can choose, and which payment methods an order may name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings

REFUND_FAILS = "pm_card_refundFail"
STRIPE_ID = re.compile(r"pm_[A-Za-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card that behaves in a known way. Stripe's own test names, and those that only the local stand-in knows."""

    payment_method: str
    name: str
    hint: str
    standin_only: bool = False


TEST_CARDS = (
    TestCard("pm_card_visa", "succeeds", "It completes."),
    TestCard("pm_card_visa_chargeDeclined", "declined", "The bank says no; nothing is charged."),
    TestCard(
        "pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient funds", "The bank says no; nothing is charged."
    ),
    TestCard(
        "pm_card_threeDSecure2Required",
        "asks for 3-D Secure",
        "It waits until you confirm on your bank's page. Refuse there, or wait too long, and it is undone.",
    ),
    TestCard(
        "pm_card_createDispute",
        "disputed later",
        "It completes; then the charge is disputed, which a person on our side has to answer.",
    ),
    TestCard(
        REFUND_FAILS,
        "refund fails",
        "It completes. Should you send it back, the bank cannot return the money: a person sees to it.",
    ),
    TestCard(
        "pm_card_authorizationExpires",
        "hold expires",
        "The bank's hold is gone before we charge. We ask for it once more, and charge once.",
        standin_only=True,
    ),
    TestCard(
        "pm_card_answerLost",
        "answer gets lost",
        "The bank does the work but we never hear of it. We ask again; it still charges once.",
        standin_only=True,
    ),
    TestCard(
        "pm_card_captureFails",
        "capture keeps failing",
        "The bank holds the money and then goes silent: it ends on an operator's desk.",
        standin_only=True,
    ),
)
STANDIN_ONLY = frozenset(card.payment_method for card in TEST_CARDS if card.standin_only) | {"pm_card_serverError"}
DECLINES = ("", "InsufficientFunds", "ExpiredCard", "IncorrectCvc", "ProcessingError", "LostCard", "StolenCard")
STRIPE_TEST_CARDS = frozenset(
    {"pm_card_visa", "pm_card_visa_debit", "pm_card_mastercard", "pm_card_amex"}
    | {"pm_card_threeDSecure2Required", "pm_card_authenticationRequired", "pm_card_createDispute", REFUND_FAILS}
    | {f"pm_card_{brand}chargeDeclined{why}" for brand in ("", "visa_") for why in DECLINES}
)
"""Those of https://docs.stripe.com/testing that the stand-in knows too."""


def offered() -> list[TestCard]:
    """The cards shown on the checkout page."""
    return [card for card in TEST_CARDS if settings.LOCAL or not card.standin_only]


def is_accepted(payment_method: str) -> bool:
    """Whether an order may name this payment method: locally a known test card, else anything shaped like Stripe's."""
    if settings.LOCAL:
        return payment_method in STRIPE_TEST_CARDS | STANDIN_ONLY
    return STRIPE_ID.fullmatch(payment_method) is not None and payment_method not in STANDIN_ONLY
