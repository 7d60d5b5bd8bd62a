"""The three probes of the web process: `/livez`, `/readyz` and `/healthz`.

They are answered before Django checks the host or redirects to TLS: a probe uses 127.0.0.1 or a pod's own address,
which ALLOWED_HOSTS cannot list, and follows no redirect. The answers are public, so they name no hosts.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from outbox.monitoring import alarms, health, queues
from sagas.presentation import watch

log = logging.getLogger(__name__)


@never_cache
@require_safe
def livez(_request: HttpRequest) -> JsonResponse:
    """200: this process answers. It checks nothing else, so that another system's outage restarts no process."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when this process can serve: PostgreSQL answers and every migration is applied; else 503."""
    checks = {"database": _check(database), "migrations": _check(migrations)}
    return _answer(checks)


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL and Redis answer, messages move, every duty is done on time and workers work; else 503.

    Lists each duty with its state. The log, `outbox status` and `saga status` give the reason of a failure in words.
    """
    checks = {"database": database, "redis": redis_server, "outbox": duties, "workers": workers}
    return _answer({name: _check(question) for name, question in checks.items()})


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/livez": livez, "/readyz": readyz, "/healthz": healthz}


class ProbesMiddleware:
    """Answers the probes before any other middleware checks the host, TLS or a session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return PROBES.get(request.path_info, self.get_response)(request)


def database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"ok": True}


def migrations() -> dict[str, Any]:
    """Whether every migration is applied. Once true it stays true: later migrations make no process unready."""
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if missing:
            return {"ok": False, "not_applied": missing}
        _migrated.append(True)
    return {"ok": True}


def redis_server() -> dict[str, Any]:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()
    return {"ok": True}


def duties() -> dict[str, Any]:
    """Whether messages move, every duty is done and nothing waits too long. Logs each reason why not."""
    now = health.status()
    for sentence in now.stalls:
        log.error("Something stands still", extra={"alarm": sentence})
    return {
        "ok": not now.stalls,
        "oldest_unpublished_seconds": round(now.oldest.total_seconds(), 1) if now.oldest else 0.0,
        "stalled": [one.name for one in now.destinations if alarms.stalls([one])],
        **health.duties(now.duty_report),
    }


def workers() -> dict[str, Any]:
    """Whether every worker works and every queue has one. Logs what is wrong, with the names of the workers."""
    now = queues.read()
    lights = watch.of_workforce(now)
    wrong = [light for light in lights if light.tone == "bad"]
    for light in wrong:
        log.error("Workers or queues stand still", extra={"alarm": f"{light.title}: {light.means}"})
    return {
        "ok": not wrong,
        "lights": [light.title for light in lights],
        "states": dict(Counter(one.state for one in now.workers)),
        "queues": {
            one.name: {
                "messages": one.depth,
                "oldest_seconds": None if one.oldest is None else round(one.oldest.total_seconds(), 1),
                "oldest_at_least_seconds": None if one.waited is None else round(one.waited.total_seconds(), 1),
                "workers": one.workers,
            }
            for one in now.queues
        },
    }


_migrated: list[bool] = []


def _answer(checks: dict[str, dict[str, Any]]) -> JsonResponse:
    well = all(check["ok"] for check in checks.values())
    return JsonResponse({"status": "ok" if well else "failing", **checks}, status=200 if well else 503)


def _check(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return question()
    except (DatabaseError, InterfaceError, redis.RedisError):
        log.exception("Health check failed", extra={"check": question.__name__})
        return {"ok": False}
