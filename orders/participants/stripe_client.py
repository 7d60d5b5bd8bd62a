"""The official Stripe SDK on our own connections, and what its errors mean for a saga.

Sources: https://docs.stripe.com/api/idempotent_requests and https://docs.stripe.com/error-low-level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import requests
import stripe
from django.conf import settings

from sagas.errors import Refused, RetryAfter

from . import http
from .errors import AnswerLost, ConnectionLost, FailureRemembered, RefusalRemembered

PAYMENTS = "payments"
KEY_LENGTH = 255  # the longest idempotency key Stripe takes


class Transport(stripe.HTTPClient):
    """Carries the SDK's requests over this thread's pooled session, with a time limit of the caller's choice."""

    name = "requests"

    def __init__(self, timeout: timedelta) -> None:
        super().__init__()
        self._timeout = timeout

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        try:
            response = http.send(method, url, headers=headers or {}, timeout=self._timeout, data=post_data)
        except requests.RequestException as error:
            raise stripe.APIConnectionError(str(error), should_retry=False) from error  # type: ignore[no-untyped-call]
        return response.content.decode(errors="replace"), response.status_code, response.headers

    def close(self) -> None:
        """Nothing to do: the session belongs to the thread."""


def client(timeout: timedelta) -> stripe.StripeClient:
    """A client for one call; making it costs microseconds. The saga owns all retries, hence `max_network_retries=0`."""
    return stripe.StripeClient(
        settings.STRIPE_API_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        max_network_retries=0,
        http_client=Transport(timeout),
    )


def options(key: str = "") -> stripe.RequestOptions:
    """Trace headers, and the idempotency key of a call that changes something."""
    if len(key) > KEY_LENGTH:
        raise ValueError(f"Stripe takes idempotency keys of up to {KEY_LENGTH} characters, this one has {len(key)}.")
    with_trace: stripe.RequestOptions = {"headers": http.trace_headers()}
    return {**with_trace, "idempotency_key": key} if key else with_trace


def is_replayed(headers: Mapping[str, str] | None) -> bool:
    """Whether an answer is one that Stripe gave before, to the same key: it tells of then, not of now."""
    return any(name.lower() == "idempotent-replayed" and value == "true" for name, value in (headers or {}).items())


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's errors into what a saga understands; one that is in doubt by nature passes as it is."""
    try:
        yield
    except stripe.StripeError as error:
        meaning = meaning_of(error)
        if meaning is error:
            raise
        raise meaning from error


def meaning_of(error: stripe.StripeError) -> Exception:
    """What a saga understands; an IdempotencyError, a mistake of ours, stays itself for a person to see."""
    match error:
        case stripe.CardError():
            detail = error.error.decline_code if error.error else None
            return _refused(error, _reason(error.code, detail))
        case stripe.RateLimitError():
            return http.turned_away(PAYMENTS, 429, error.headers or {})
        case stripe.AuthenticationError() | stripe.PermissionError():
            return RetryAfter(http.MISCONFIGURED, f"{PAYMENTS}: our access is refused ({error.user_message})")
        case stripe.InvalidRequestError():
            return _refused(error, error.code or "invalid_request")
        case stripe.APIConnectionError():
            return http.meaning_of(PAYMENTS, error.__cause__ or error)
        case stripe.APIError():
            return _of_status(error)
    return error


def reason_of(error: stripe.PaymentIntent.LastPaymentError | None) -> tuple[str, str]:
    """Why the bank said no, as a code and in words: what an intent keeps of its last refusal."""
    said = error.to_dict() if error else {}  # what does not apply is left out, and the SDK then has no such attribute
    return _reason(said.get("code"), said.get("decline_code")), said.get("message") or ""


def _refused(error: stripe.StripeError, code: str) -> Refused:
    """A no, which says so itself when it is one of an earlier time."""
    kind = RefusalRemembered if is_replayed(error.headers) else Refused
    return kind(code, error.user_message or "")


def _of_status(error: stripe.APIError) -> Exception:
    if error.http_status in http.TURNED_AWAY:  # 429 too: a proxy's has no JSON, and is no RateLimitError
        return http.turned_away(PAYMENTS, error.http_status, error.headers or {})
    if error.http_status == 409:
        return RetryAfter(http.UNSAID, f"{PAYMENTS}: an earlier call with this key is still being worked on")
    what = f"answered {error.http_status}: {error.user_message}"
    if is_replayed(error.headers):
        return FailureRemembered(PAYMENTS, f"{what} (as it does to every call with this key)")
    lost = ConnectionLost if error.http_status in http.UNREACHED else AnswerLost
    return lost(PAYMENTS, what)


def _reason(code: str | None, decline_code: str | None) -> str:
    """The bank's own reason where it gave one; `generic_decline` says no more than `card_declined` does."""
    if code == "payment_intent_authentication_failure":
        return "authentication_failed"
    return decline_code if decline_code and decline_code != "generic_decline" else code or "card_declined"
