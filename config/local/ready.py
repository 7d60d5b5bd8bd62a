"""Questions that show that a process does its work, each answered within a second."""

from __future__ import annotations

from collections.abc import Callable

import psycopg2
import requests
from celery import Celery

PATIENCE = 1.0  # seconds


def page(url: str) -> Callable[[], bool]:
    """Whether the address answers, and not with a client's or a server's error.

    503 counts: it is the health page saying that something else is late, such as the outbox after a long pause.
    """

    def answers() -> bool:
        try:
            answer = requests.get(url, timeout=PATIENCE)
        except requests.RequestException:
            return False
        return answer.status_code < 400 or answer.status_code == 503

    return answers


def session(database_url: str, name: str) -> Callable[[], bool]:
    """Whether a process of that name has a session open in PostgreSQL."""

    def is_open() -> bool:
        connection = psycopg2.connect(database_url, connect_timeout=5)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", [name])
                return cursor.fetchone() is not None
        finally:
            connection.close()

    return is_open


class Ping:
    """Celery's own ping, through the broker."""

    def __init__(self, broker_url: str) -> None:
        self._app = Celery("settle-ready", broker=broker_url)

    def of(self, hostname: str) -> Callable[[], bool]:
        """Whether the worker of that name takes orders."""

        def answers() -> bool:
            return bool(self._app.control.ping(destination=[hostname], timeout=PATIENCE, limit=1))

        return answers
