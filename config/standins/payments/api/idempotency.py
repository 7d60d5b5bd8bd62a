"""Idempotency keys by Stripe's rules: a request that was executed gets the same answer again for a day.

A request that is refused before it executes (a bad parameter, no API key, a key in use) is not stored; a declined card
and a 500 from inside are. Source: https://docs.stripe.com/api/idempotent_requests

The work, its ledger entry and the stored answer are one transaction, and a key in use is a lock of the database
session. A stand-in killed at any point has done and stored all of it or nothing, and no key stays in use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ..errors import StripeError, invalid
from ..models import StoredAnswer

DATABASE = "payments"
KEPT = timedelta(hours=24)
LONGEST = 255
Effect = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Done:
    """An answer, and whether it is a replay."""

    status: int
    body: str
    replayed: bool = False

    @property
    def response(self) -> HttpResponse:
        headers = {"Idempotent-Replayed": "true"} if self.replayed else {}
        return HttpResponse(self.body, status=self.status, content_type="application/json", headers=headers)


def key_of(request: HttpRequest) -> str:
    """The request's Idempotency-Key; "" without one. Stripe ignores it on GET."""
    key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
    if len(key) > LONGEST:
        raise invalid(f"Idempotency keys are up to {LONGEST} characters long, this one has {len(key)}.")
    return key


@contextmanager
def in_use(key: str) -> Iterator[None]:
    """Hold the key for the block. A second request with it gets 409 meanwhile."""
    if not key:
        yield
        return
    with connections[DATABASE].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [key])
        if cursor.fetchone() != (True,):
            raise StripeError(409, "idempotency_error", IN_USE.format(key), code="idempotency_key_in_use")
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [key])


def once(request: HttpRequest, key: str, effect: Effect) -> Done:
    """The stored answer to this request, or that of `effect()`, which it stores. Call it within `in_use`."""
    with transaction.atomic(using=DATABASE):
        if not key:
            return carry_out(effect)
        stored = StoredAnswer.objects.filter(key=key, created_at__gt=timezone.now() - KEPT).first()
        if stored is not None:
            return replay(stored, request)
        done = carry_out(effect)
        StoredAnswer.objects.filter(key=key).delete()
        StoredAnswer.objects.create(
            key=key, path=request.path_info, fingerprint=fingerprint(request), status=done.status, body=done.body
        )
        return done


def replay(stored: StoredAnswer, request: HttpRequest) -> Done:
    """The stored answer. Raises StripeError when the key was used for another request."""
    if stored.path != request.path_info:
        raise StripeError(400, "idempotency_error", OTHER_PATH.format(stored.path, request.path_info, stored.key))
    if stored.fingerprint != fingerprint(request):
        raise StripeError(400, "idempotency_error", OTHER_PARAMS.format(stored.key))
    return Done(stored.status, stored.body, replayed=True)


def carry_out(effect: Effect) -> Done:
    """Carry out the effect. A StripeError counts as an answer: it may leave traces, such as a failed charge."""
    try:
        return Done(200, json.dumps(effect()))
    except StripeError as error:
        return Done(error.status, json.dumps(error.body))


def fingerprint(request: HttpRequest) -> str:
    """A hash of the parameters, whatever their order."""
    return hashlib.sha256(json.dumps(sorted(request.POST.lists())).encode()).hexdigest()


IN_USE = "There is currently another in-progress request using this Idempotent Key: {}. Please try again later."
OTHER_PATH = (
    "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{}' vs '{}'). "
    "Try using a key other than '{}' if you meant to execute a different request."
)
OTHER_PARAMS = (
    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
    "Try using a key other than '{}' if you meant to execute a different request."
)
