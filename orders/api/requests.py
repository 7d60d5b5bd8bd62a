"""What requests to the API have in common: a method, a key, a body of JSON, and errors that are answered in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from ..errors import InvalidOrder
from .responses import SAID, of_error, refusal

LONGEST_BODY = 64 * 1024  # bytes
LONGEST_KEY = 255

View = Callable[..., HttpResponseBase]


def endpoint(method: str) -> Callable[[View], View]:
    """A JSON view for one method: no CSRF token, since no cookie speaks for the caller; errors answered in JSON."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in {method, "HEAD" if method == "GET" else method}:
                return refusal(405, {"method": [f"Use {method}."]}, {"Allow": method})
            try:
                return view(request, *args, **kwargs)
            except SAID as error:
                return of_error(error)

        return guarded

    return decorate


def idempotency_key(request: HttpRequest) -> str:
    """The Idempotency-Key header, 1 to 255 visible ASCII characters. Raises InvalidOrder."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        message = (
            "Send an Idempotency-Key header, new for each wish, so that a repeated request is not carried out twice."
        )
        raise InvalidOrder({"Idempotency-Key": [message]})
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidOrder({"Idempotency-Key": [f"Use 1 to {LONGEST_KEY} visible ASCII characters."]})
    return key


def decode(request: HttpRequest) -> object:
    """The body's JSON. Raises InvalidOrder."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_BODY:
        raise InvalidOrder({"body": [f"Send at most {LONGEST_BODY} bytes."]})
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise InvalidOrder({"body": ["Send valid JSON in UTF-8."]}) from None
