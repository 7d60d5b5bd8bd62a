"""The worker's consumer outlives its broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker.consumer import Consumer as CelerysConsumer

from config.celery import app
from config.celery_consumer import Consumer


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


class Message:
    """One that is in hand, and its end."""

    headers = {"task": "sagas.run_step"}
    acknowledged = rejected = False

    def reject_log_error(self, *_: object) -> None:
        self.rejected = True


def taking(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Any:
    """Our consumer's way to take a message, in which Celery's own raises this."""

    def fail(_message: object) -> None:
        raise error

    monkeypatch.setattr(CelerysConsumer, "create_task_handler", lambda _self, *_args: fail)
    consumer = lost(Consumer)
    consumer.connection_errors, consumer.channel_errors = (ConnectionError,), (KeyError,)
    return consumer.create_task_handler()


def test_a_message_that_celery_cannot_make_sense_of_is_put_away_and_does_not_end_the_worker(monkeypatch, caplog):
    message = Message()
    taking(monkeypatch, TypeError("what is this?"))(message)
    assert message.rejected
    assert "worker.message_put_away" in caplog.text


@pytest.mark.parametrize("error", [ConnectionError("gone"), KeyError("channel")])
def test_a_message_that_came_as_the_broker_went_is_not_put_away(monkeypatch, error):
    message = Message()
    with pytest.raises(type(error)):
        taking(monkeypatch, error)(message)
    assert not message.rejected


def test_a_message_that_is_settled_already_is_not_settled_again(monkeypatch):
    message = Message()
    message.acknowledged = True
    taking(monkeypatch, TypeError("late"))(message)
    assert not message.rejected
