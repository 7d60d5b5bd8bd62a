"""Carries out a call, or does what a fault of the company wants instead."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ..settings import LATENCY
from .models import AbstractFault
from .operations import Kind

logger = logging.getLogger(__name__)
Work = Callable[[], HttpResponse]


def answer(
    request: HttpRequest,
    faults: type[AbstractFault],
    operation: str,
    order: str,
    *,
    work: Work,
    refuse: Callable[[str], HttpResponse],
    fail: Work,
) -> HttpResponse:
    """The response to a call: `work()`, unless a fault takes its place.

    `work` applies the call and commits. `refuse(code)` is the company's refusal; an empty code means its usual one.
    `fail` is its 500.
    """
    fault = faults.take(operation, order)
    kind = fault.kind if fault else ""
    logger.debug("standin.call", extra={"operation": operation, "order": order, "fault": kind or None})
    time.sleep(LATENCY + (fault.delay if fault is not None else 0))
    if kind == Kind.DOWN:
        return drop(request)
    if kind == Kind.UNAVAILABLE:
        return HttpResponse(status=503, headers={"Retry-After": "1"})
    if kind == Kind.FAIL:
        return fail()
    if fault is not None and kind == Kind.REFUSE:
        return refuse(fault.code)
    response = work()
    return drop(request) if kind == Kind.LOSE_ANSWER else response


def drop(request: HttpRequest) -> HttpResponse:
    """Close the connection without sending a byte. The returned response is never sent."""
    connection: socket.socket = request.META["gunicorn.socket"]  # set by gunicorn, the only server that runs this
    connection.shutdown(socket.SHUT_RDWR)
    return HttpResponse(status=500)
