"""Handles every request: checks API key and idempotency key, applies faults, turns errors into Stripe's JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from contextlib import ExitStack
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, JsonResponse

from ...common.fault_injection import answer, drop
from .. import cards
from ..errors import StripeError, invalid, server_error, unauthorized
from ..ids import new_id
from ..models import Fault
from ..webhooks import events
from . import idempotency
from .expand import expanded

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
Effect = Callable[[str], dict[str, Any]]
"""Carries a call out with an idempotency key ("" without one), and returns the answer's JSON."""


def endpoint(view: View[P]) -> View[P]:
    """Check the API key, and turn a StripeError into its answer. Any key will do, but there must be one."""

    def call(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        name = new_id("req", 14)
        try:
            if not api_key(request):
                raise unauthorized()
            with events.caused_by(events.Caller(name, idempotency.key_of(request))):
                response = view(request, *args, **kwargs)
        except StripeError as error:
            response = JsonResponse(error.body, status=error.status)
        response["Request-Id"] = name
        return response

    return update_wrapper(call, view)


def perform(
    request: HttpRequest, operation: str, order: str, effect: Effect, refuse: Callable[[str], Effect], card: str = ""
) -> HttpResponse:
    """Carry out `effect` once for the request's key, unless a fault takes its place.

    `refuse(code)` is the effect of a refusal, stored like any other. `card` is the card that pays: with
    `pm_card_answerLost` the first answer is lost.
    """
    key = idempotency.key_of(request)
    with ExitStack() as held:
        held.enter_context(idempotency.in_use(key))

        def carry_out(chosen: Effect) -> HttpResponse:
            done = idempotency.once(request, key, lambda: expanded(chosen(key), request))
            held.close()  # before the caller has the answer: its next request must not find the key in use
            lost = card == cards.ANSWER_LOST and done.status == 200 and not done.replayed
            return drop(request) if lost else done.response

        return answer(
            request,
            Fault,
            operation,
            order,
            work=lambda: carry_out(effect),
            refuse=lambda code: carry_out(refuse(code)),
            fail=failure,
        )


def refusal(message: str, usual: str) -> Callable[[str], Effect]:
    """An effect that refuses with a fault's code, or with the usual one, and changes nothing."""

    def refuse(code: str) -> Effect:
        def effect(_key: str) -> dict[str, Any]:
            raise invalid(message, code=code or usual)

        return effect

    return refuse


def failure() -> HttpResponse:
    """A 500 without any effect."""
    error = server_error()
    return JsonResponse(error.body, status=error.status)


def api_key(request: HttpRequest) -> str:
    """The key in `Authorization: Bearer <key>`, or the user name of `Basic`; "" without a usable one."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return credentials.strip() if scheme.lower() == "bearer" else ""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
