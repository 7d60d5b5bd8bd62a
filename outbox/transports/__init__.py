"""How messages leave: a small protocol, and one module for each way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from ..declare.events import registry
from ..messages.envelope import Envelope

Encoded = TypeVar("Encoded")


class Outgoing(NamedTuple):
    """One message to send; `row` is the caller's number for it, `to` the names of the subscribers."""

    row: int
    envelope: Envelope
    to: tuple[str, ...]


@dataclass(slots=True)
class Sent:
    """What became of a batch. Rows in neither list did not go out, and are no worse for it."""

    rows: list[int] = field(default_factory=list)
    failed: dict[int, Exception] = field(default_factory=dict)
    """Messages that cannot be sent, through no fault of the broker."""
    outage: Exception | None = None
    """Why the broker could not be reached, when it could not."""


class Transport(Protocol):
    """Sends batches. Sending twice is allowed, sending never is not: receivers know a message by its id.

    A batch is in order. No message is sent after one of the same key has failed, or may have: it is in neither list.
    """

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        """The subscribers of this message; CannotRead when nothing here knows what to do with it."""
        ...

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        """Send all, in one round trip where the broker can. Called outside any transaction."""
        ...


@runtime_checkable
class WakingTransport(Protocol):
    """A transport to subscribers that take their messages from the books: it tells them to look."""

    def wake(self, marked: Sequence[Outgoing], *, again: bool = False) -> Exception | None:
        """Have each subscriber to whom it matters look for these messages; why not, when the broker is away.

        Called after the deliveries were opened. `again`: they may have been told before, and have died of it.
        """
        ...


@runtime_checkable
class QueueingTransport(Protocol):
    """A transport whose broker keeps messages in queues until a worker takes them, first in, first out."""

    def queue_of(self, subscriber: str) -> str:
        """In which queue this subscriber's messages wait."""
        ...


class Wakeup(NamedTuple):
    """What a subscriber is told to look for."""

    subscriber: str
    keys: list[str]
    ids: list[str]


def wakeups(marked: Iterable[Outgoing]) -> Iterator[Wakeup]:
    """Whom to tell, and of what: of each key once, and of so many messages as the subscriber takes at once."""
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
    look, count = Wakeup(name, [], []), 0
    for (ordered, place), messages in places.items():
        if count and count + messages > at_once:
            yield look
            look, count = Wakeup(name, [], []), 0
        (look.keys if ordered else look.ids).append(place)
        count += messages
    if count:
        yield look


class StoppedKeys:
    """The keys of a batch that have stopped: a message of theirs has failed, those behind it must wait."""

    def __init__(self) -> None:
        self._stopped: set[str] = set()

    def stop(self, envelope: Envelope) -> None:
        """Nothing of this message's key may follow it. Messages without a key wait for nobody."""
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
        except Exception as error:  # this message's own failure; the other keys go out
            sent.failed[one.row] = error
            keys.stop(one.envelope)
    return made
