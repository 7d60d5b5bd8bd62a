"""The card processor, through the official Stripe SDK: hold an amount, charge it once, let it go.

An authorisation is two calls, each with an idempotency key made from the caller's: *create*, which makes an intent and
moves no money, and *confirm*, which holds the amount. So an intent can always be found again by the caller's key alone:
creating it again returns the same intent.
Stripe forgets keys after 24 hours. Give `void` the intent's id where it is known: by key alone it is safe for a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import stripe

from sagas.errors import Refused

from . import http
from .errors import AnswerLost
from .stripe_client import client, options, translated


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What is to be paid, and with what."""

    order_number: str
    amount: int
    """In minor units of the currency."""
    currency: str
    """Three letters, ISO 4217."""
    payment_method: str
    """Stripe's `pm_…`."""
    email: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """An amount, in minor units, that the bank holds for us."""

    intent_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Capture:
    """An amount, in minor units, that the card was charged."""

    intent_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Refund:
    """An amount, in minor units, that was given back."""

    refund_id: str
    amount: int


def authorize(request: PaymentRequest, *, key: str, timeout: timedelta) -> Authorization:
    """Hold the amount. Raises Refused with the bank's code, such as `card_declined` or `insufficient_funds`."""
    left = http.TimeLeft.of(timeout)
    intent = _create(request, key, left.now())
    with translated():
        confirmed = client(left.now()).v1.payment_intents.confirm(
            intent.id, {"error_on_requires_action": True}, options(f"{key}:confirm")
        )
    if confirmed.status != "requires_capture":
        raise AnswerLost("payments", f"the payment is {confirmed.status} after its confirmation")
    return _authorization(confirmed)


def find_authorization(request: PaymentRequest, *, key: str, timeout: timedelta) -> Authorization | None:
    """What became of `authorize` with this key: the authorisation, None when no money is held. Moves no money."""
    left = http.TimeLeft.of(timeout)
    intent_id = _find_intent(request, key, left.now())
    if not intent_id:
        return None
    intent = _retrieve(intent_id, left.now())
    return _authorization(intent) if intent.status in {"requires_capture", "succeeded"} else None


def void(request: PaymentRequest, *, key: str, timeout: timedelta, intent_id: str = "") -> None:
    """Let go of whatever `authorize` with this key holds; succeeds when it holds nothing.

    Afterwards a late confirmation of that intent is refused. Raises Refused("already_captured") when the card was
    charged.
    """
    left = http.TimeLeft.of(timeout)
    intent_id = intent_id or _find_intent(request, key, left.now())
    if not intent_id:
        return
    try:
        with translated():
            client(left.now()).v1.payment_intents.cancel(intent_id, {}, options(f"{key}:cancel"))
    except Refused:
        status = _retrieve(intent_id, left.now()).status
        if status == "succeeded":
            raise Refused("already_captured", "The card was charged; only a refund gives it back.") from None
        if status != "canceled":
            raise


def capture(intent_id: str, *, key: str, timeout: timedelta) -> Capture:
    """Charge the held amount; an intent that is charged already counts as charged, once.

    Raises Refused when it cannot be charged any more: it was cancelled, or the bank let the authorisation expire.
    """
    left = http.TimeLeft.of(timeout)
    try:
        with translated():
            return _capture(client(left.now()).v1.payment_intents.capture(intent_id, {}, options(key)))
    except Refused:
        if found := find_capture(intent_id, timeout=left.now()):
            return found
        raise


def find_capture(intent_id: str, *, timeout: timedelta) -> Capture | None:
    """What the card was charged; None when it was not. A canceled intent was not, and never will be."""
    intent = _retrieve(intent_id, timeout)
    return _capture(intent) if intent.status == "succeeded" else None


def refund(intent_id: str, *, key: str, timeout: timedelta, amount: int | None = None) -> Refund:
    """Give back what was charged, or `amount` minor units of it. Raises Refused when that is more than is left."""
    params: stripe.params.RefundCreateParams = {"payment_intent": intent_id}
    if amount is not None:
        params["amount"] = amount
    with translated():
        done = client(timeout).v1.refunds.create(params, options(key))
    return Refund(done.id, done.amount)


def _create(request: PaymentRequest, key: str, timeout: timedelta) -> stripe.PaymentIntent:
    """The unconfirmed intent of this key: a new one the first time, the same one ever after."""
    with translated():
        return client(timeout).v1.payment_intents.create(
            {
                "amount": request.amount,
                "currency": request.currency.lower(),
                "capture_method": "manual",
                "payment_method": request.payment_method,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "receipt_email": request.email,
                "description": f"Order {request.order_number}",
                "metadata": {"order": request.order_number, "key": key},
            },
            options(f"{key}:create"),
        )


def _find_intent(request: PaymentRequest, key: str, timeout: timedelta) -> str:
    """The id of this key's intent, "" when Stripe will not make one of this request, and so never made one."""
    try:
        return _create(request, key, timeout).id
    except Refused:
        return ""


def _retrieve(intent_id: str, timeout: timedelta) -> stripe.PaymentIntent:
    with translated():
        return client(timeout).v1.payment_intents.retrieve(intent_id, {}, options())


def _authorization(intent: stripe.PaymentIntent) -> Authorization:
    return Authorization(intent.id, intent.amount, intent.currency.upper())


def _capture(intent: stripe.PaymentIntent) -> Capture:
    return Capture(intent.id, intent.amount_received)
