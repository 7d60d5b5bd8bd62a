"""While PostgreSQL is away, at the first statement or in the middle of a transaction, every door answers 503 with
`Retry-After`: in JSON to programs, with a page to people. A transaction that broke off has done nothing, or, when only
the answer to its commit was lost, all; the same Idempotency-Key, and a page's own token, find out which.

Django asks `handler500` about each error that nothing has caught, of a view or of a middleware, and logs it.
"""

from __future__ import annotations

import sys

from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views.defaults import server_error

from outbox.sql import driver

RETRY_AFTER = 5
"""Seconds: about what a restart of PostgreSQL takes."""
CUT_OFF = frozenset({"25P03", "25P04", "25006"})
"""SQLSTATEs that no OperationalError carries: the server ended an idle session, or is a standby now, which only reads.
Source: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
PROGRAMS = ("/api/", "/webhooks/")
WORDS = (
    "We cannot reach our database just now. Send the same request again after the time in Retry-After; with the same "
    "Idempotency-Key it is carried out once."
)


def handler500(request: HttpRequest) -> HttpResponse:
    """503 when it is the database that failed, else Django's own answer; called while the error is being handled."""
    error = sys.exc_info()[1]
    if error is not None and is_away(error):
        return unavailable(request)
    return server_error(request)


def is_away(error: BaseException) -> bool:
    """Whether the database could not be reached, or could not do it just now (a lock, or room, that it had not)."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, Error) and driver.code_of(error) in CUT_OFF


def unavailable(request: HttpRequest) -> HttpResponse:
    """503, in the form that whoever asks can read."""
    headers = {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
    if request.path.startswith(PROGRAMS):
        return JsonResponse({"errors": {"database": [WORDS]}}, status=503, headers=headers)
    page = loader.get_template("503.html").render({"again": request.method in ("GET", "HEAD"), "seconds": RETRY_AFTER})
    return HttpResponse(page, status=503, headers=headers)
