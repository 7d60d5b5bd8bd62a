"""The card processor, through the official Stripe SDK: hold an amount, charge it once, let it go.

An authorisation is two calls, each with an idempotency key made from the caller's: *create*, which makes an intent and
moves no money, and *confirm*, which holds the amount. So an intent can always be found again by the caller's key alone:
creating it again returns the same intent. A hold that expired is renewed by a second intent: `renewal.py`.
Stripe forgets keys after 24 hours: an intent that may be older is looked for, by `PaymentRequest.begun`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe

from orders.money import shown
from outbox.picklable import PicklableError
from sagas.errors import Refused

from . import intents, renewal
from .errors import AnswerLost
from .http import TimeLeft
from .identity import Owner
from .intents import PaymentRequest
from .minor_units import Minor
from .stripe_client import PAYMENTS, reason_of

__all__ = ["Action", "ActionRequired", "Authorization", "Capture", "OtherAmount", "Owner", "PaymentRequest"]


@dataclass(frozen=True, slots=True)
class Authorization:
    """An amount, in minor units, that the bank holds for us."""

    intent_id: str
    amount: Minor
    currency: str


@dataclass(frozen=True, slots=True)
class Capture:
    """An amount, in minor units, that the card was charged."""

    intent_id: str
    amount: Minor


@dataclass(frozen=True, slots=True)
class Action:
    """What the bank wants the customer to do: to confirm the payment at `url`."""

    intent_id: str
    url: str
    since: datetime
    """When the payment was begun, by the processor's clock."""


class OtherAmount(PicklableError):
    """The card was charged, but not what was asked for: somebody else has charged it. Only a person can go on."""

    def __init__(self, intent: stripe.PaymentIntent, request: PaymentRequest) -> None:
        self.intent_id, self.amount = intent.id, intent.amount_received
        self.currency = intent.currency.upper()
        charged, wanted = shown(self.amount, self.currency), shown(request.amount, request.currency)
        super().__init__(
            f"{charged} was charged for {request.order_number}, not {wanted} (payment {self.intent_id}): somebody "
            "charged it at the card processor. Give it back there, have goods and parcel put back, and close this by "
            "hand as undone: the customer is told."
        )


class ActionRequired(PicklableError):
    """The bank wants the customer to confirm the payment; nothing is held until then. Ask again later."""

    def __init__(self, action: Action) -> None:
        super().__init__(f"{PAYMENTS}: the bank wants the customer to confirm the payment")
        self.action = action


def authorize(request: PaymentRequest, *, key: str, timeout: timedelta) -> Authorization:
    """Hold the amount.

    Raises Refused with the bank's code, such as `card_declined` or `authentication_failed`, and ActionRequired where
    the request has a `return_url` and the bank wants the customer. Nothing is held without asking anybody.
    """
    if not request.amount:
        return Authorization("", 0, request.currency)
    left = TimeLeft.of(timeout)
    intent = intents.create(request, key, left)
    return _held(intents.confirm(intent.id, _where_to(request), key=f"{key}:confirm", left=left))


def find_authorization(request: PaymentRequest, *, key: str, timeout: timedelta) -> Authorization | None:
    """What became of `authorize` with this key: the authorisation, None when no money is held. Moves no money."""
    if not request.amount:
        return Authorization("", 0, request.currency)
    left = TimeLeft.of(timeout)
    intent_id = intents.find(request, key, left)
    if not intent_id:
        return None
    intent = intents.retrieve(intent_id, left)
    return _authorization(intent) if intent.status in ("requires_capture", "succeeded") else None


def void(request: PaymentRequest, *, key: str, timeout: timedelta, intent_id: str = "") -> None:
    """Let go of whatever `authorize` with this key holds, renewed or not; succeeds when it holds nothing.

    Afterwards a late confirmation of those intents is refused. Raises Refused("already_captured") when the card was
    charged.
    """
    if not request.amount:
        return
    left = TimeLeft.of(timeout)
    intent_id = intent_id or intents.find(request, key, left)
    if not intent_id:
        return
    try:
        ended: stripe.PaymentIntent | None = intents.cancel(intent_id, key=f"{key}:cancel", left=left)
    except Refused:
        ended = intents.retrieve(intent_id, left)
        if ended.status == "canceled":  # by somebody else: it may have expired, and been renewed
            ended = renewal.void(request, ended, left)
        elif ended.status != "succeeded":
            raise
    if ended is not None and ended.status == "succeeded":
        charged = shown(ended.amount_received, ended.currency.upper())
        raise Refused("already_captured", f"{charged} was charged (payment {ended.id}); only a refund gives it back.")


def capture(intent_id: str, *, key: str, timeout: timedelta, renew: PaymentRequest | None = None) -> Capture:
    """Charge the held amount; an intent that is charged already counts as charged, once.

    Where the hold has expired and `renew` says what is to be paid, it is renewed and then charged: the Capture names
    the intent that was. Raises Refused when nothing can be charged any more, and OtherAmount when something else was
    than `renew` says. Nothing is charged without asking anybody.
    """
    if renew is not None and not renew.amount:
        return Capture("", 0)
    left = TimeLeft.of(timeout)
    try:
        charged = intents.capture(intent_id, key=key, left=left)
    except Refused as no:
        charged = intents.retrieve(intent_id, left)
        if charged.status != "succeeded":
            if renew is None or not renewal.has_expired(charged, no.code):
                raise
            charged = renewal.capture(renew, charged, left=left)
    if charged.status != "succeeded":
        raise AnswerLost(PAYMENTS, f"the payment is {charged.status} after its capture")
    return _capture(charged, renew)


def find_capture(intent_id: str, *, timeout: timedelta, renew: PaymentRequest | None = None) -> Capture | None:
    """What `capture` charged; None when it charged nothing. A canceled intent was not, and never will be.

    Raises OtherAmount as `capture` does.
    """
    if renew is not None and not renew.amount:
        return Capture("", 0)
    left = TimeLeft.of(timeout)
    intent: stripe.PaymentIntent | None = intents.retrieve(intent_id, left)
    if intent is not None and intent.status == "canceled" and renew is not None:
        intent = renewal.find(renew, intent, left)
    return _capture(intent, renew) if intent is not None and intent.status == "succeeded" else None


def state_of(intent_id: str, *, whose: Owner, timeout: timedelta) -> str:
    """The payment's status as the processor has it now, such as `requires_action` or `succeeded`.

    "" for a payment that is not that order's.
    """
    found = intents.retrieve(intent_id, TimeLeft.of(timeout))
    return found.status if whose.owns(found) else ""


def charged(intent_id: str, *, whose: Owner, timeout: timedelta) -> int:
    """What the card was charged with this payment, in minor units; 0 while nothing was, or when it is another's."""
    found = intents.retrieve(intent_id, TimeLeft.of(timeout))
    return found.amount_received if found.status == "succeeded" and whose.owns(found) else 0


def _where_to(request: PaymentRequest) -> stripe.params.PaymentIntentConfirmParams:
    """How the bank may ask for the customer; where nobody can be asked, that it wants to is a refusal."""
    return {"return_url": request.return_url} if request.return_url else {"error_on_requires_action": True}


def _held(intent: stripe.PaymentIntent) -> Authorization:
    """What a confirmed intent amounts to."""
    match intent.status:
        case "requires_capture" | "succeeded":
            return _authorization(intent)
        case "requires_action":
            raise ActionRequired(Action(intent.id, _address(intent), datetime.fromtimestamp(intent.created, UTC)))
        case "requires_payment_method":
            raise Refused(*reason_of(intent.last_payment_error))
        case "canceled":
            raise Refused("canceled", "The payment was cancelled before the bank held the amount.")
    raise AnswerLost(PAYMENTS, f"the payment is {intent.status} after its confirmation")


def _address(intent: stripe.PaymentIntent) -> str:
    """Where the customer confirms. Raises Refused where the bank names no such place."""
    wanted = intent.next_action.to_dict() if intent.next_action else {}
    url = wanted.get("redirect_to_url", {}).get("url")
    if not url:
        raise Refused("authentication_required", "The bank wants a confirmation that no page can give.")
    return str(url)


def _authorization(intent: stripe.PaymentIntent) -> Authorization:
    return Authorization(intent.id, intent.amount, intent.currency.upper())


def _capture(intent: stripe.PaymentIntent, request: PaymentRequest | None) -> Capture:
    charged = intent.amount_received, intent.currency.upper()
    if request is not None and charged != (request.amount, request.currency):
        raise OtherAmount(intent, request)
    return Capture(intent.id, intent.amount_received)
