"""One PaymentIntent and what can be done to it; each call has an idempotency key and returns the intent as it is now.

Stripe answers a key for a day with what it answered first. So an answer that is a replay tells of the past, and the
intent is looked up instead. That goes for a failure and for a refusal too: both are remembered, and asking again under
their key is pointless. Then the intent says whether the call was applied; where it surely was not, a further key is
safe, because an intent's own states allow one confirmation, one capture and one cancel whatever the keys.
Sources: https://docs.stripe.com/api/idempotent_requests and https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import stripe

from sagas.errors import Refused

from . import identity
from .errors import AnswerLost, FailureRemembered, RefusalRemembered
from .http import TimeLeft
from .stripe_client import PAYMENTS, client, is_replayed, options, translated

UNEXPECTED = "payment_intent_unexpected_state"
CANCELABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
KEYS_LAST = timedelta(hours=23)
"""An hour less than Stripe remembers an idempotency key."""
CLOCKS = timedelta(minutes=5)
"""By which two clocks may differ."""
MOST_KEYS = 8
"""Of one call, each after a remembered failure or refusal of the one before; what changes an intent has one more."""
Call = Callable[[stripe.StripeClient, stripe.RequestOptions], stripe.PaymentIntent]


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
    thing: str = field(default="Order", kw_only=True)
    """What the bank calls it to the customer, before its number."""
    return_url: str = field(default="", kw_only=True)
    """Where the bank sends the customer who had to confirm; empty where nobody can be asked to."""
    begun: datetime | None = field(default=None, kw_only=True)
    """No call for it was made before; None where that is not known."""


def create(request: PaymentRequest, key: str, left: TimeLeft) -> stripe.PaymentIntent:
    """The intent of this key: a new one the first time, the same one ever after. Moves no money.

    As it was made; or as it is, where it was begun so long ago that Stripe may have forgotten the key: it is looked for
    first, lest there be two.
    """
    since = request.begun and request.begun - CLOCKS
    if since is not None and datetime.now(UTC) - since > KEYS_LAST + CLOCKS:
        known = made_under(key, request, since, left)
        if known:
            return retrieve(known, left)
    wanted: stripe.params.PaymentIntentCreateParams = {
        "amount": request.amount,
        "currency": request.currency.lower(),
        "capture_method": "manual",
        "payment_method": request.payment_method,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "always" if request.return_url else "never"},
        "receipt_email": request.email,
        "description": f"{request.thing} {request.order_number}",
        "metadata": identity.signed({"order": request.order_number, "key": key}),
    }
    for name in _names(f"{key}:create"):
        try:
            with suppress(FailureRemembered), translated():
                return client(left.now()).v1.payment_intents.create(wanted, options(name))
        except stripe.IdempotencyError:  # made in other words, by an earlier version of us or under another identity
            known = made_under(key, request, since or datetime.now(UTC) - KEYS_LAST - CLOCKS, left)
            if not known:
                raise
            return retrieve(known, left)
    raise _hopeless()


def find(request: PaymentRequest, key: str, left: TimeLeft) -> str:
    """The id of this key's intent, "" when Stripe will not make one of this request, and so never made one."""
    try:
        return create(request, key, left).id
    except Refused:
        return ""


def made_under(key: str, request: PaymentRequest, since: datetime, left: TimeLeft) -> str:
    """The id of this key's intent, made at `since` or later; "" when there is none. A key names a run of ours.

    For a key that Stripe may have forgotten: it asks for all intents since then, and makes none.
    """
    created: stripe.params.PaymentIntentListParamsCreated = {"gte": int(since.timestamp())}
    with translated():
        page = client(left.now()).v1.payment_intents.list({"created": created, "limit": 100}, options())
        return next((one.id for one in page.auto_paging_iter() if _is_of(one, key, request)), "")


def _is_of(intent: stripe.PaymentIntent, key: str, request: PaymentRequest) -> bool:
    same = (intent.amount, intent.currency) == (request.amount, request.currency.lower())
    return same and getattr(intent.metadata, "key", "") == key


def retrieve(intent_id: str, left: TimeLeft) -> stripe.PaymentIntent:
    with translated():
        return client(left.now()).v1.payment_intents.retrieve(intent_id, {}, options())


def confirm(
    intent_id: str, params: stripe.params.PaymentIntentConfirmParams, *, key: str, left: TimeLeft
) -> stripe.PaymentIntent:
    """Ask the bank to hold the amount. Raises Refused with the bank's code."""
    try:
        return _changed(
            intent_id,
            lambda stripe_, how: stripe_.v1.payment_intents.confirm(intent_id, params, how),
            untouched=("requires_confirmation",),
            key=key,
            left=left,
        )
    except Refused as no:
        if no.code != UNEXPECTED:
            raise
        return retrieve(intent_id, left)


def capture(intent_id: str, *, key: str, left: TimeLeft) -> stripe.PaymentIntent:
    """Charge what is held. Raises Refused when that is not possible in the state the intent is in."""
    return _changed(
        intent_id,
        lambda stripe_, how: stripe_.v1.payment_intents.capture(intent_id, {}, how),
        untouched=("requires_capture",),
        key=key,
        left=left,
    )


def cancel(intent_id: str, *, key: str, left: TimeLeft) -> stripe.PaymentIntent:
    """Let go of what is held, for good. Raises Refused when the intent is charged, or was cancelled by others."""
    return _changed(
        intent_id,
        lambda stripe_, how: stripe_.v1.payment_intents.cancel(intent_id, {}, how),
        untouched=CANCELABLE,
        key=key,
        left=left,
    )


def _changed(
    intent_id: str, call: Call, *, untouched: Collection[str], key: str, left: TimeLeft
) -> stripe.PaymentIntent:
    """The intent after the call. In a state of `untouched` it surely was not changed by an earlier one.

    A person who tries again may do so as often as they like: after MOST_KEYS the key is new each time.
    """
    looked_at = False
    for name in (*_names(key), f"{key}:{uuid4().hex}"):
        try:
            with translated():
                answer = call(client(left.now()), options(name))
        except (FailureRemembered, RefusalRemembered) as known:
            found = None if looked_at else retrieve(intent_id, left)
            looked_at = True
            if found is None or found.status in untouched:
                continue
            if isinstance(known, RefusalRemembered):
                raise
            return found
        replayed = answer.last_response is not None and is_replayed(answer.last_response.headers)
        return retrieve(intent_id, left) if replayed else answer
    raise _hopeless()


def _names(key: str) -> Iterator[str]:
    """The keys of one call, the same ones in the same order for whoever asks again, or asks what became of it."""
    yield key
    yield from (f"{key}:{number}" for number in range(2, MOST_KEYS + 1))


def _hopeless() -> AnswerLost:
    return AnswerLost(PAYMENTS, f"failed inside under each of {MOST_KEYS} keys, and did nothing")
