"""How messages leave: a small protocol, and one module for each broker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from ..declare.events import registry
from ..messages.envelope import Envelope

Encoded = TypeVar("Encoded")


class Outgoing(NamedTuple):
    """One message to send. `row` is the caller's number for it, `to` the names of the subscribers."""

    row: int
    envelope: Envelope
    to: tuple[str, ...]


@dataclass(slots=True)
class Sent:
    """The result of sending a batch. Rows in neither list were not sent, and lose no attempt."""

    rows: list[int] = field(default_factory=list)
    failed: dict[int, Exception] = field(default_factory=dict)
    """Messages that cannot be sent, for a reason that is not the broker's."""
    outage: Exception | None = None
    """The error, when the broker could not be reached."""


class Transport(Protocol):
    """Sends batches. It may send a message twice, but never lose one: receivers identify a message by its id.

    A batch is in order. When a message has failed, or may have, no later message of its key is sent: it is in neither
    list.
    """

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        """The subscribers of this message. Raises CannotRead when no code here knows the message."""
        ...

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        """Send all, in one round trip where the broker can. Called outside a transaction."""
        ...


@runtime_checkable
class WakingTransport(Protocol):
    """A transport to subscribers that pull their messages from PostgreSQL: it wakes them."""

    def wake(self, marked: Sequence[Outgoing], *, again: bool = False) -> Exception | None:
        """Wake each subscriber that pulls any of these messages. Returns the error when the broker is away.

        Called after the deliveries were opened. `again`: they may have been woken before and have crashed.
        """
        ...


@runtime_checkable
class QueueingTransport(Protocol):
    """A transport whose broker keeps messages in queues, first in, first out, until a worker takes them."""

    def queue_of(self, subscriber: str) -> str:
        """The queue in which this subscriber's messages wait."""
        ...


class Wakeup(NamedTuple):
    """What a subscriber is woken for: all open messages of `keys`, and the messages `ids`."""

    subscriber: str
    keys: list[str]
    ids: list[str]


def wakeups(marked: Iterable[Outgoing]) -> Iterator[Wakeup]:
    """Whom to wake, and for what: each key once, and at most as many messages as the subscriber takes at once."""
    wanted: dict[str, dict[tuple[bool, str], int]] = {}
    for one in marked:
        for name in one.to:
            if registry.pulls(name, one.envelope.key):
                ordered = registry.subscribers[name].is_ordered(one.envelope.key)
                mine = wanted.setdefault(name, {})
                place = (ordered, one.envelope.key if ordered else one.envelope.id)
                mine[place] = mine.get(place, 0) + 1
    for name, places in wanted.items():
        yield from _shared_out(name, places, registry.subscribers[name].at_once)


def _shared_out(name: str, places: dict[tuple[bool, str], int], at_once: int) -> Iterator[Wakeup]:
    wakeup, count = Wakeup(name, [], []), 0
    for (ordered, place), messages in places.items():
        if count and count + messages > at_once:
            yield wakeup
            wakeup, count = Wakeup(name, [], []), 0
        (wakeup.keys if ordered else wakeup.ids).append(place)
        count += messages
    if count:
        yield wakeup


class StoppedKeys:
    """Keys of a batch of which a message has failed: later messages of the key must wait."""

    def __init__(self) -> None:
        self._stopped: set[str] = set()

    def stop(self, envelope: Envelope) -> None:
        """Stop this message's key. Messages without a key wait for nothing."""
        if envelope.key:
            self._stopped.add(envelope.key)

    def stopped(self, envelope: Envelope) -> bool:
        """Whether this message must wait."""
        return envelope.key in self._stopped


def encoded(batch: Iterable[Outgoing], encode: Callable[[Envelope], Encoded], sent: Sent) -> dict[int, Encoded]:
    """What to send for each row. A message that cannot be encoded fails; later ones of its key are left out."""
    made: dict[int, Encoded] = {}
    keys = StoppedKeys()
    for one in batch:
        if keys.stopped(one.envelope):
            continue
        try:
            made[one.row] = encode(one.envelope)
        except Exception as error:  # only this message fails; the other keys go out
            sent.failed[one.row] = error
            keys.stop(one.envelope)
    return made
