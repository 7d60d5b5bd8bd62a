"""A connection to RabbitMQ with publisher confirms: publish many messages, then wait for all confirms together.

py-amqp's own `confirm_publish` waits for each confirm before the next message. This uses the same channel in confirm
mode, and its hooks for acks, nacks and returns. Source: https://www.rabbitmq.com/docs/confirms.
"""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple

import amqp
from kombu import Connection
from kombu.exceptions import OperationalError

from ..messages.cloudevents import MEDIA_TYPE

FAULTS = (OperationalError, amqp.AMQPError, OSError)
PERSISTENT = 2  # delivery mode: survives a restart of the broker


class Publication(NamedTuple):
    """A message as RabbitMQ gets it."""

    key: str
    id: str
    routing_key: str
    body: bytes


class ConfirmingChannel:
    """One channel to one exchange, which it declares, and the broker's answers to the current batch.

    Every method may raise one of FAULTS; then the channel cannot be used any more.
    """

    def __init__(self, url: str, exchange: str, timeout: float) -> None:
        options = {"read_timeout": timeout, "write_timeout": timeout}
        self.process = os.getpid()
        self.confirmed: set[int] = set()
        self.returned: set[int] = set()
        self._exchange = exchange
        self._ids: dict[str, int] = {}
        self._unanswered: dict[int, int] = {}  # the row of each delivery tag that has no answer yet
        self._tag = 0
        self._connection = Connection(url, connect_timeout=timeout, transport_options=options)
        try:
            self._channel = self._open(exchange)
        except BaseException:
            self.close()
            raise

    def _open(self, exchange: str) -> Any:
        self._connection.connect()
        channel: Any = self._connection.channel()
        channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        return channel

    def is_alive(self) -> bool:
        """Whether the broker has not closed the connection. Reads what it has sent, and does not wait."""
        try:
            self._connection.drain_events(timeout=0)
        except TimeoutError:
            return True
        except FAULTS:
            return False
        return True

    def send(self, batch: dict[int, Publication], mandatory: bool, until: float) -> None:
        """Publish all, then wait for every confirm, at most until the monotonic time `until`."""
        self.confirmed, self.returned = set(), set()
        self._ids = {one.id: row for row, one in batch.items()}
        for row, one in batch.items():
            self._tag += 1
            self._unanswered[self._tag] = row
            self._channel.basic_publish(
                self._message(one), self._exchange, one.routing_key, mandatory, timeout=_left(until)
            )
        while self._unanswered:
            self._connection.drain_events(timeout=_left(until))

    def _message(self, one: Publication) -> Any:
        properties = {"delivery_mode": PERSISTENT, "message_id": one.id, "type": one.routing_key}
        return self._channel.prepare_message(one.body, content_type=MEDIA_TYPE, properties=properties)

    def close(self) -> None:
        """Close the connection without a goodbye, because the broker may not answer."""
        self._connection.collect(socket_timeout=0.1)

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self.confirmed |= self._answered(tag, multiple) - self.returned  # a returned message is confirmed too

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple)

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self.returned.add(self._ids[message.properties["message_id"]])  # always before its ack

    def _answered(self, tag: int, multiple: bool) -> set[int]:
        tags = [known for known in self._unanswered if known <= tag] if multiple else [tag]
        return {self._unanswered.pop(known) for known in tags}


def _left(until: float) -> float:
    """Seconds to wait; never 0, which would mean not to wait, nor less, which would mean forever."""
    return max(until - time.monotonic(), 0.001)
