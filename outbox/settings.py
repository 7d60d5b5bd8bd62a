"""The settings a project may give, with their defaults. They are read at each use, so that tests can override them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings


def batch() -> int:
    """OUTBOX_BATCH: how many messages the relay fetches, publishes and marks at once."""
    return int(_get("BATCH", 500))


def relay_stay() -> timedelta:
    """OUTBOX_RELAY_STAY: how long a tick keeps the relay running; above beat's interval, so that one always runs."""
    return _duration("RELAY_STAY", timedelta(seconds=1.5))


def lease() -> timedelta:
    """OUTBOX_LEASE: after how long a relay that stopped answering loses its shards to another."""
    return _duration("LEASE", timedelta(seconds=15))


def redeliver_after() -> timedelta:
    """OUTBOX_REDELIVER_AFTER: after how long an unconfirmed delivery is published again."""
    return _duration("REDELIVER_AFTER", timedelta(seconds=30))


def keep_published() -> timedelta:
    """OUTBOX_KEEP_PUBLISHED: how long the history of published messages is kept."""
    return _duration("KEEP_PUBLISHED", timedelta(days=7))


def heartbeat_every() -> timedelta:
    """OUTBOX_HEARTBEAT_EVERY: the least time between two heartbeats of a duty from one process."""
    return _duration("HEARTBEAT_EVERY", timedelta(seconds=5))


def healthy() -> dict[str, timedelta | None]:
    """OUTBOX_HEALTHY: how old the heartbeat of a duty, or a wait, may be, by name; None switches the alarm off."""
    return {
        name: value if value is None or isinstance(value, timedelta) else timedelta(seconds=float(value))
        for name, value in _get("HEALTHY", {}).items()
    }


def release() -> str:
    """OUTBOX_RELEASE: what this code is called, as each worker says of itself; default RELEASE. Empty: not known."""
    return str(_get("RELEASE", "") or getattr(settings, "RELEASE", ""))[:100]


def redis_url() -> str:
    """OUTBOX_REDIS_URL: the doorbell's Redis; default REDIS_URL, else the broker. Empty when that is no Redis."""
    url = str(_get("REDIS_URL", "") or getattr(settings, "REDIS_URL", "") or getattr(settings, "CELERY_BROKER_URL", ""))
    return url if url.startswith(("redis://", "rediss://", "unix://")) else ""


def relay_by() -> str:
    """OUTBOX_RELAY: what runs the relay: `beat` (the task outbox.relay each second) or `command` (manage.py relay)."""
    return str(_get("RELAY", "beat"))


def _get(name: str, default: Any) -> Any:
    return getattr(settings, f"OUTBOX_{name}", default)


def _duration(name: str, default: timedelta) -> timedelta:
    """The setting as a timedelta; a number is taken as seconds."""
    value = _get(name, default)
    return value if isinstance(value, timedelta) else timedelta(seconds=float(value))
