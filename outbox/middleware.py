"""Gives every web request a request id and a trace, and returns the request id in the response."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from .messages import trace


class TraceMiddleware:
    """Reads `X-Request-Id` and `traceparent`, makes what is missing, and sets `X-Request-Id` on the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with trace.use(trace.of_request(request.headers)) as current:
            response = self.get_response(request)
            response["X-Request-Id"] = current.request_id
        return response
