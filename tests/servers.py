"""A pytest plugin: real PostgreSQL and Redis for the whole session, started before Django reads its settings.

Servers that the environment names (DATABASE_URL, REDIS_URL) are used instead.
"""

from __future__ import annotations

import atexit
import os
import shutil
from pathlib import Path

from config.env import spare_loopback
from config.local.postgres import Postgres
from config.local.redis import Redis

HOME = Path(__file__).resolve().parent.parent / ".local" / f"test-{os.getpid()}"


def start_servers() -> None:
    """Start what is missing; stop it, and remove its data, when pytest ends."""
    spare_loopback()
    atexit.register(shutil.rmtree, HOME, ignore_errors=True)
    if "DATABASE_URL" not in os.environ:
        postgres = Postgres(HOME / "postgres")
        postgres.start()
        atexit.register(postgres.stop)
        postgres.create_databases("settle")
        os.environ["DATABASE_URL"] = postgres.url("settle")
    if "REDIS_URL" not in os.environ:
        redis = Redis(HOME / "redis")
        redis.start()
        atexit.register(redis.stop)
        os.environ["REDIS_URL"] = redis.url()
    os.environ.setdefault("SETTLE_LOCAL", "1")


start_servers()
