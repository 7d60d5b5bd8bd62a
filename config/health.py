"""`/healthz`: what a load balancer, a container runtime or a person on call asks first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from outbox import alarms, standing

log = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL and Redis answer and the outbox is not late; 503 otherwise, with what is wrong.

    The answer is public, so it names no hosts; the reason of a failure goes to the log.
    """
    checks = {"database": _check(database), "redis": _check(redis_server), "outbox": _check(outbox)}
    healthy = all(check["ok"] for check in checks.values())
    return JsonResponse({"status": "ok" if healthy else "failing", **checks}, status=200 if healthy else 503)


def database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"ok": True}


def redis_server() -> dict[str, Any]:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()
    return {"ok": True}


def outbox() -> dict[str, Any]:
    """Messages move to every destination; why they do not is in the log."""
    stands = standing.look()
    stalled = [one.name for one in stands if alarms.stalls([one])]
    for sentence in alarms.stalls(stands):
        log.error("The outbox is stalled", extra={"alarm": sentence})
    oldest = max((one.oldest.total_seconds() for one in stands if one.oldest), default=0.0)
    return {"ok": not stalled, "oldest_unpublished_seconds": round(oldest, 1), "stalled": stalled}


def _check(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return question()
    except (DatabaseError, redis.RedisError):
        log.exception("Health check failed", extra={"check": question.__name__})
        return {"ok": False}
