"""A pytest plugin: real PostgreSQL and Redis for the whole session, started before Django reads its settings.

Servers that the environment names (DATABASE_URL, REDIS_URL) are used instead. Each worker of pytest-xdist has servers
of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from config.env import spare_loopback
from config.local.services.postgres import Postgres
from config.local.services.redis import Redis

HOME = Path(__file__).resolve().parents[2] / ".local" / f"test-{os.getpid()}"
STARTED = "SETTLE_TEST_SERVERS"
"""Names the variables whose servers a pytest started: no user's, and so not for its workers."""

_running = ExitStack()


def start_servers() -> None:
    """Start what is missing; stop it, and remove its data, when pytest ends."""
    spare_loopback()
    for name in os.environ.pop(STARTED, "").split() if "PYTEST_XDIST_WORKER" in os.environ else []:
        del os.environ[name]
    missing = [name for name in ("DATABASE_URL", "REDIS_URL") if name not in os.environ]
    atexit.register(_running.close)
    _running.callback(shutil.rmtree, HOME, ignore_errors=True)
    if "DATABASE_URL" in missing:
        postgres = Postgres(HOME / "postgres")
        postgres.start()
        _running.callback(postgres.stop)
        postgres.create_databases("settle")
        os.environ["DATABASE_URL"] = postgres.url("settle")
    if "REDIS_URL" in missing:
        redis = Redis(HOME / "redis")
        redis.start()
        _running.callback(redis.stop)
        os.environ["REDIS_URL"] = redis.url()
    os.environ[STARTED] = " ".join(missing)
    os.environ.setdefault("SETTLE_LOCAL", "1")


def pytest_unconfigure() -> None:
    """A worker of pytest-xdist may end without running what atexit holds."""
    _running.close()


start_servers()
