"""Answers 503 with `Retry-After` while PostgreSQL is away, has no connection left, or takes longer than the web waits
(`SESSION` in the settings): as JSON to programs, as a page to people.

A transaction that was cut off has done nothing, or everything when only the answer to its commit was lost. A retry with
the same Idempotency-Key, or with the page's own token, finds out which.

Django calls `handler500` for each uncaught error of a view or of a middleware, and logs the error.
"""

from __future__ import annotations

import sys

from django.db import Error, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views.defaults import server_error

from outbox.sql import driver

RETRY_AFTER = 5
"""Seconds: about the time of a PostgreSQL restart."""
CUT_OFF = frozenset({"25P03", "25P04", "25006"})
"""SQLSTATEs that raise no OperationalError: the server ended an idle session, or has become a read-only standby.
Source: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
PROGRAMS = ("/api/", "/webhooks/")
WORDS = (
    "Our database does not answer just now, or not in time. Send the same request again after the time in "
    "Retry-After; with the same Idempotency-Key it is carried out once."
)


def handler500(request: HttpRequest) -> HttpResponse:
    """503 when the database is away, else Django's own answer. Called while the error is being handled."""
    error = sys.exc_info()[1]
    if error is not None and is_away(error):
        return unavailable(request)
    return server_error(request)


def is_away(error: BaseException) -> bool:
    """Whether the database was unreachable, or refused for now (no lock in time, not done in time, no
    connection left, no disk space)."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, Error) and driver.code_of(error) in CUT_OFF


def unavailable(request: HttpRequest) -> HttpResponse:
    """503, as JSON or as a page."""
    headers = {"Retry-After": str(RETRY_AFTER), "Cache-Control": "no-store"}
    if request.path.startswith(PROGRAMS):
        return JsonResponse({"errors": {"database": [WORDS]}}, status=503, headers=headers)
    page = loader.get_template("503.html").render({"again": request.method in ("GET", "HEAD"), "seconds": RETRY_AFTER})
    return HttpResponse(page, status=503, headers=headers)
