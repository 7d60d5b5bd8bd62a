"""A hold that expired before the charge is renewed: a second intent takes the first one's place.

The first intent is cancelled for good before the second is made, so that never both are charged. The second one's keys
are made from the first one's id: whoever knows that one, the capture, its probe or the undo, finds the other. Nobody is
there to confirm anything, so that a bank which wants the customer, or says no, ends the order.
Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import stripe

from sagas.errors import Refused

from . import intents
from .http import TimeLeft
from .intents import PaymentRequest

CODES = frozenset({"charge_expired_for_capture", "capture_charge_authorization_expired"})
BY_THEMSELVES = frozenset({"automatic", "expired"})
"""Why an intent was cancelled by nobody: its hold expired."""
EXPIRED = "authorization_expired"


def has_expired(first: stripe.PaymentIntent, code: str) -> bool:
    """Whether a capture was refused, with this code, because the hold is gone."""
    if first.status == "canceled" and first.cancellation_reason in BY_THEMSELVES:
        return True
    return code in CODES and first.status != "succeeded"


def capture(request: PaymentRequest, first: stripe.PaymentIntent, *, left: TimeLeft) -> stripe.PaymentIntent:
    """Hold the amount anew and charge it; returns the intent that is charged.

    Raises Refused("authorization_expired") when the bank does not hold it a second time.
    """
    ended = end(first.id, key=f"{first.id}:expired", left=left)
    if ended.status == "succeeded":
        return ended
    key = key_of(first.id)
    try:
        second = _second(request, ended, left)
        held = intents.confirm(second, {"off_session": True}, key=f"{key}:confirm", left=left)
        if held.status == "succeeded":
            return held
        if held.status != "requires_capture":
            raise Refused(held.status, f"the bank left the second payment {held.status}")
        return intents.capture(held.id, key=f"{key}:capture", left=left)
    except Refused as no:
        raise Refused(EXPIRED, f"The bank's hold had expired, and was not renewed: {no.text}") from no


def find(request: PaymentRequest, first: stripe.PaymentIntent, left: TimeLeft) -> stripe.PaymentIntent | None:
    """The second intent as it is now. Where there was none there is one now, which holds nothing.

    `first` is cancelled.
    """
    try:
        second = _second(request, first, left)
    except Refused:
        return None
    return intents.retrieve(second, left)


def void(request: PaymentRequest, first: stripe.PaymentIntent, left: TimeLeft) -> stripe.PaymentIntent | None:
    """Let go of what the second intent holds, and have a late call for it refused; returns it as it is then.

    `first` is cancelled.
    """
    try:
        second = _second(request, first, left)
    except Refused:
        return None
    return end(second, key=f"{key_of(first.id)}:cancel", left=left)


def end(intent_id: str, *, key: str, left: TimeLeft) -> stripe.PaymentIntent:
    """The intent in a state in which it stays: cancelled, or charged when that came first."""
    try:
        return intents.cancel(intent_id, key=key, left=left)
    except Refused:
        found = intents.retrieve(intent_id, left)
        if found.status not in ("canceled", "succeeded"):
            raise
        return found


def key_of(first_id: str) -> str:
    return f"{first_id}:again"


def _second(request: PaymentRequest, first: stripe.PaymentIntent, left: TimeLeft) -> str:
    """The id of the second intent. Nobody is there to confirm it.

    Raises Refused when Stripe will not make one of this request, and so never made one.
    """
    begun = datetime.fromtimestamp(first.canceled_at or first.created, UTC)
    return intents.create(replace(request, return_url="", begun=begun), key_of(first.id), left).id
