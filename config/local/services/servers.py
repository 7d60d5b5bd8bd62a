"""PostgreSQL and Redis for one folder, or the user's own servers when the environment names them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from config import worker_role
from config.standins.companies import COMPANIES, database_variable

from ..errors import LocalStackError
from .postgres import Postgres
from .redis import Redis


class Servers:
    """Both servers. `environment` holds their addresses for the shop's processes."""

    def __init__(self, home: Path) -> None:
        self.environment: dict[str, str] = {}
        self.postgres = None if os.environ.get("DATABASE_URL") else Postgres(home / "postgres")
        self.redis = None if os.environ.get("REDIS_URL") else Redis(home / "redis")

    def start(self) -> None:
        self._start_postgres()
        self._start_redis()

    def restart_the_dead(self) -> list[str]:
        """Restart each of our servers that has ended, on the same port; returns their names."""
        ours = {"PostgreSQL": self.postgres, "Redis": self.redis}
        dead = {name: server for name, server in ours.items() if server and server.process.poll() is not None}
        for server in dead.values():
            server.start()
        return list(dead)

    def stop(self) -> None:
        if self.redis:
            self.redis.stop()
        if self.postgres:
            self.postgres.stop()

    def _start_postgres(self) -> None:
        if self.postgres:
            self.postgres.start()
            self.postgres.create_databases("settle", *COMPANIES)
            database = self.postgres.url("settle")
            bounded = database.replace(f"//{self.postgres.user}:", f"//{self.postgres.user}_workers:")
            worker_role.make(database, bounded)
            theirs = {name: self.postgres.url(name) for name in COMPANIES}
        else:
            database = os.environ["DATABASE_URL"]
            bounded = os.environ.get("WORKERS_DATABASE_URL") or database
            theirs = _beside(database)
        self.environment["DATABASE_URL"] = database
        self.environment["WORKERS_DATABASE_URL"] = bounded
        for name, url in theirs.items():
            variable = database_variable(name)
            self.environment[variable] = os.environ.get(variable) or url

    def _start_redis(self) -> None:
        if self.redis:
            self.redis.start()
        self.environment["REDIS_URL"] = self.redis.url() if self.redis else os.environ["REDIS_URL"]


def _beside(database_url: str) -> dict[str, str]:
    """The URLs of the stand-ins' databases on the user's own server, which it creates: `settle_payments`, …"""
    parts = urlsplit(database_url)
    shop = parts.path.lstrip("/")
    urls = {}
    for name in COMPANIES:
        if not os.environ.get(database_variable(name)):
            _create_database(database_url, f"{shop}_{name}")
        urls[name] = urlunsplit(parts._replace(path=f"/{shop}_{name}"))
    return urls


def _create_database(server_url: str, name: str) -> None:
    try:
        connection = psycopg2.connect(server_url, connect_timeout=5)
    except psycopg2.OperationalError as error:
        raise LocalStackError(f"DATABASE_URL names a PostgreSQL that cannot be used: {error}") from error
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute('CREATE DATABASE "{}"'.format(name.replace('"', '""')))
    except psycopg2.Error as error:
        raise LocalStackError(
            f"The stand-ins need a database {name} on the server of DATABASE_URL, and making it failed: {error}"
            f"Create it, or set {', '.join(map(database_variable, COMPANIES))}."
        ) from error
    finally:
        connection.close()
