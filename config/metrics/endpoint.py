"""The address that Prometheus scrapes, and who may."""

from __future__ import annotations

import os
from ipaddress import ip_address

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from outbox.monitoring import metrics as outbox_metrics
from outbox.monitoring.exposition import Collector
from sagas.monitoring import metrics as saga_metrics

from . import queues

PATH = "/metrics"
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""A proxy on this machine sets one of these: then the request came from elsewhere, whatever its address says."""
SHARED = "PROMETHEUS_MULTIPROC_DIR"
COLLECTOR = Collector(
    {"sagas": saga_metrics.metrics, "outbox": outbox_metrics.metrics, "queues": queues.metrics},
    away=(redis.RedisError,),
)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """200 with all metrics, in the format that the scraper accepts; 401 or 403 for who may not read them."""
    if settings.METRICS_TOKEN:
        if not has_token(request):
            return HttpResponse(
                "Send the header `Authorization: Bearer <METRICS_TOKEN>`.\n",
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
                content_type="text/plain; charset=utf-8",
            )
    elif not (settings.LOCAL and is_from_here(request)):
        text = (
            "Set METRICS_TOKEN for the web process: without it only a developer's own machine may read the metrics.\n"
        )
        return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry()), content_type=content_type)


def registry() -> CollectorRegistry:
    """What this process exports: all that the databases say, and the requests of it and its siblings."""
    found = CollectorRegistry()
    found.register(COLLECTOR)
    if SHARED in os.environ:
        MultiProcessCollector(found)  # type: ignore[no-untyped-call] # it registers itself
    else:
        from .http import REQUESTS, SECONDS  # it imports this module

        found.register(REQUESTS)
        found.register(SECONDS)
    return found


def has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(token.strip(), settings.METRICS_TOKEN)


def is_from_here(request: HttpRequest) -> bool:
    """Whether a process of this machine asks, by itself and for nobody else."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:  # a socket of the file system has no address
        return False
