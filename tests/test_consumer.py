"""The worker's consumer outlives its broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from celery.worker.consumer import Consumer as CelerysConsumer

from config.celery import app
from config.consumer import Consumer


class Lost:
    """A connection to Redis that went while a message was not yet confirmed, as kombu 5.7 leaves it."""

    connection_errors = channel_errors = (ConnectionError,)
    transport = SimpleNamespace(client=None)

    def collect(self, **_options: object) -> None:
        pass

    def close(self) -> None:
        raise AttributeError("'NoneType' object has no attribute 'hostname'")


def lost(kind: type[CelerysConsumer]) -> Any:
    consumer: Any = kind.__new__(kind)
    consumer.app, consumer.connection = app, Lost()
    return consumer


def test_a_lost_connection_that_cannot_be_put_away_does_not_end_the_worker(caplog):
    consumer = lost(Consumer)
    consumer.on_connection_error_after_connected(ConnectionError("the broker is away"))
    assert consumer.connection is None, "a new one is made"
    assert "worker.broken_connection_not_closed" in caplog.text
