"""Delivers in the caller's thread, for tests without a broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ..consuming import in_order, inbox
from ..declare.events import registry
from ..errors import CannotRead
from ..messages.envelope import Envelope
from . import Outgoing, Sent, Wakeup, encoded, wakeups


class MemoryTransport:
    """Keeps what it is given; `deliver_all` runs the subscribers.

    Events that another transport renders are not delivered.

    `refuse` may raise for a message, as a broker might: then it fails alone, and later ones of its key are left out.
    """

    def __init__(self, refuse: Callable[[Envelope], None] = lambda _envelope: None, *, delivers: bool = True) -> None:
        self.sent: list[Outgoing] = []
        self.wakeups: list[Wakeup] = []
        self._refuse = refuse
        self.delivers = delivers
        """Whether it has subscribers; otherwise it stands for a transport to another service."""

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        if not self.delivers:
            return ()
        if not registry.knows(envelope.type):
            raise CannotRead(f"{envelope.type} version {envelope.version} is not declared here.")
        return registry.subscribers_of(envelope.type)

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        sent = Sent()
        taken = encoded(batch, self._refuse, sent)
        self.sent.extend(one for one in batch if one.row in taken)
        sent.rows.extend(taken)
        return sent

    def wake(self, marked: Sequence[Outgoing], *, again: bool = False) -> Exception | None:
        self.wakeups.extend(wakeups(marked))
        return None

    @property
    def waits(self) -> bool:
        """Whether something is still to be delivered."""
        return bool(self.sent or self.wakeups)

    def deliver_all(self) -> None:
        """Run each subscriber on each message; the first error is raised, as a worker would see it."""
        while self.sent:
            one = self.sent.pop(0)
            for subscriber in one.to:
                if not registry.pulls(subscriber, one.envelope.key):
                    inbox.deliver(subscriber, one.envelope)
        while self.wakeups:
            wakeup = self.wakeups.pop(0)
            in_order.deliver_open(*wakeup, go_on=partial(self.wakeups.append, wakeup))
