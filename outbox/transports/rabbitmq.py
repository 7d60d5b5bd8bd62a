"""Messages as CloudEvents through RabbitMQ, each confirmed by the broker before it counts as sent.

Source: https://www.rabbitmq.com/docs/confirms. Many messages are sent at once and their confirms awaited together, but
never two of one key, because RabbitMQ may refuse the first of two and take the second.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence

from ..errors import OutboxError
from ..messages.cloudevents import Encoder
from ..messages.envelope import Envelope
from . import Outgoing, Sent, encoded
from .confirms import FAULTS, ConfirmingChannel, Publication

TIMEOUT = 8.0  # seconds for a batch; well below OUTBOX_LEASE
LARGEST = 16 * 1024**2  # bytes: RabbitMQ 4's max_message_size; a larger message would close the channel for all
LONGEST_ROUTING_KEY = 255  # bytes


class Nacked(OutboxError):
    """RabbitMQ could not take a message: a queue is full, or broken. It is sent again, and uses up no attempt."""


class Unroutable(OutboxError):
    """No queue is bound for this message: RabbitMQ would have dropped it."""


class RabbitMQTransport:
    """Publishes to a durable topic exchange, which it declares; the routing key is the event's type.

    `url`: an amqp:// address. `source`: the CloudEvents source, a URI that names this system. `mandatory`: a message
    for which no queue is bound fails, as `Unroutable`; with False the broker drops it. `largest`: the most bytes of a
    message; not above the broker's max_message_size. Each process has one connection; its threads publish one after the
    other.
    """

    def __init__(self, *, url: str, exchange: str, source: str, mandatory: bool = True, largest: int = LARGEST) -> None:
        if not url.startswith(("amqp://", "amqps://")):
            raise ValueError("RabbitMQTransport needs an amqp:// or amqps:// url: no other broker confirms.")
        self.url = url
        self.exchange = exchange
        self.mandatory = mandatory
        self.largest = largest
        self._events = Encoder(source)
        self._lock = threading.Lock()
        self._link: ConfirmingChannel | None = None

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        """None: the readers of the bound queues are not known here."""
        return ()

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        """As many round trips as the most frequent key has messages: one, when all keys differ."""
        sent = Sent()
        waiting = encoded(batch, self._encode, sent)
        with self._lock:
            try:
                self._publish(waiting, sent)
            except FAULTS as error:
                sent.outage = error  # what was being sent is uncertain: it is sent again
                self.close()
        return sent

    def close(self) -> None:
        """Close the connection; the next batch connects again."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _encode(self, one: Envelope) -> Publication:
        body = self._events.encode(one)
        if len(body) > self.largest:
            raise ValueError(f"The message has {len(body)} bytes; RabbitMQ is given at most {self.largest}.")
        if len(one.type.encode()) > LONGEST_ROUTING_KEY:
            raise ValueError(f"{one.type} is too long for a routing key of {LONGEST_ROUTING_KEY} bytes.")
        return Publication(one.key, str(one.id), one.type, body)

    def _publish(self, waiting: dict[int, Publication], sent: Sent) -> None:
        """Publish in rounds; what does not fit into the time is left for the next batch."""
        until = time.monotonic() + TIMEOUT
        while waiting and time.monotonic() < until:
            batch = _heads(waiting)
            link = self._connected()
            try:
                link.send(batch, self.mandatory, until)
            finally:
                sent.rows += link.confirmed
            self._judge(batch, link, sent)
            stopped = {batch[row].key for row in batch.keys() - link.confirmed} - {""}
            waiting = {row: one for row, one in waiting.items() if row not in batch and one.key not in stopped}

    def _judge(self, batch: dict[int, Publication], link: ConfirmingChannel, sent: Sent) -> None:
        for row in batch.keys() - link.confirmed:
            name = f"{batch[row].routing_key} {batch[row].id}"
            if row in link.returned:
                remedy = f"bind one to the exchange {self.exchange}, or set mandatory to False"
                sent.failed[row] = Unroutable(f"No queue is bound for {name}: {remedy}.")
            else:
                sent.outage = Nacked(f"RabbitMQ could not take {name}: look at the length and health of its queues.")

    def _connected(self) -> ConfirmingChannel:
        """The process's channel; a new one after a fork, and when the old one was closed while it was idle."""
        if self._link is not None and self._link.process == os.getpid() and not self._link.is_alive():
            self.close()
        if self._link is None or self._link.process != os.getpid():
            self._link = ConfirmingChannel(self.url, self.exchange, TIMEOUT)
        return self._link


def _heads(waiting: dict[int, Publication]) -> dict[int, Publication]:
    """The first message of each key, and all messages without a key."""
    heads: dict[int, Publication] = {}
    begun: set[str] = set()
    for row, one in waiting.items():
        if one.key not in begun:
            heads[row] = one
            begun |= {one.key} - {""}
    return heads
