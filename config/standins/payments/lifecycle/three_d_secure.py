"""3-D Secure: the bank asks the customer to confirm a payment, on a page of its own, before it holds the amount.

Source: https://docs.stripe.com/payments/3d-secure/authentication-flow
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from ..cards import Decline
from ..errors import StripeError
from ..models import Intent
from ..webhooks import events
from . import authorization
from .intent_rows import Status, kept, locked

REQUIRED = "Your card was declined. This transaction requires authentication."
NOT_HANDLED = Decline("authentication_required", "authentication_not_handled", REQUIRED)
OFF_SESSION = Decline("authentication_required", "authentication_required", REQUIRED)


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of the customer's answer. `problem` is a sentence when the answer changed nothing."""

    intent: Intent
    problem: str = ""


def ask(intent: Intent, key: str, *, page: str) -> dict[str, Any]:
    """Wait for the customer, who goes to `page` and comes back to the intent's `return_url`."""
    intent.status, intent.confirmation_key, intent.last_payment_error = Status.REQUIRES_ACTION, key, None
    intent.next_action = _redirect(page, intent.return_url) if intent.return_url else _script(page)
    answer = kept(intent)
    events.of_intent(intent, "requires_action")
    return answer


def not_asked(intent: Intent, *, off_session: bool) -> StripeError:
    """The error of a payment whose customer may not be asked. With `off_session` the bank is asked, and declines."""
    return authorization.declined(intent, OFF_SESSION if off_session else NOT_HANDLED, charged=off_session)


def answer(intent_id: str, *, confirmed: bool) -> Answered:
    """Take the customer's answer. Only the first one counts, and only while the payment waits for it."""
    intent = locked(intent_id)
    if intent.status != Status.REQUIRES_ACTION:
        return Answered(intent, standing(intent))
    if not confirmed:
        authorization.unauthenticated(intent)
        return Answered(intent)
    with suppress(StripeError):  # the bank may still decline; the intent stores that
        authorization.hold(intent, intent.confirmation_key, authenticated=True)
    return Answered(intent)


def standing(intent: Intent) -> str:
    """A sentence for the customer about a payment that needs no answer."""
    match intent.status:
        case Status.REQUIRES_CAPTURE | Status.SUCCEEDED:
            return "This payment is confirmed already. There is nothing left to do."
        case Status.CANCELED:
            return "The shop has cancelled this payment. Nothing was charged."
        case Status.REQUIRES_PAYMENT_METHOD:
            return "This payment was refused already. Nothing was charged; the shop can ask again."
        case _:
            return "The shop has not asked for this payment yet."


def way_back(intent: Intent) -> str:
    """The intent's `return_url` with the parameters that Stripe adds; "" without one."""
    if not intent.return_url:
        return ""
    paid = intent.status in {Status.REQUIRES_CAPTURE, Status.SUCCEEDED}
    added = {
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "succeeded" if paid else "failed",
    }
    parts = urlsplit(intent.return_url)
    return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, urlencode(added)]))))


def _redirect(page: str, return_url: str) -> dict[str, Any]:
    return {"type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": return_url}}


def _script(page: str) -> dict[str, Any]:
    """Without a `return_url` Stripe's script asks the customer, on the shop's own page."""
    return {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page}}
