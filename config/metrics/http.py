"""What the web process counts itself: its requests. Each process counts its own; see `config/web_server.py`."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from config.health import PROBES

from .endpoint import PATH, metrics

disable_created_metrics()  # type: ignore[no-untyped-call] # several processes together export none either
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"
"""The label of each method and address that the site does not know: there are as many as clients think of."""
OWN_PATHS = {*PROBES, PATH}
"""Answered by a middleware, and so never resolved."""
HTTP = CollectorRegistry()
REQUESTS = Counter("http_requests", "Requests that were answered.", ["method", "view", "status"], registry=HTTP)
SECONDS = Histogram(
    "http_request_seconds",
    "From a request's arrival at its thread to the answer.",
    ["view"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=HTTP,
)


class MetricsMiddleware:
    """Counts every request, and answers `/metrics` before any other middleware checks the host or TLS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = time.monotonic()
        response = metrics(request) if request.path_info == PATH else self.get_response(request)
        view = view_of(request)
        method = request.method if request.method in METHODS else OTHER
        REQUESTS.labels(method, view, str(response.status_code)).inc()
        SECONDS.labels(view).observe(time.monotonic() - begun)
        return response


def view_of(request: HttpRequest) -> str:
    """The address as the site declares it, such as `/orders/<uuid:order_id>/`."""
    if request.path_info in OWN_PATHS:
        return request.path_info
    match = request.resolver_match
    return OTHER if match is None else f"/{match.route}"
