"""A way to another service that refuses the messages of some keys."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from outbox.models import Hold, OutboxMessage
from outbox.relay.relay import Relay
from outbox.transports import Outgoing, Sent, StoppedKeys

from .relaying import relay_to


class Refusing:
    """Keeps what it took; refuses a message whose key is in `refused`."""

    def __init__(self, *refused: str) -> None:
        self.refused = set(refused)
        self.sent: list[str] = []

    def recipients(self, envelope: Any) -> tuple[str, ...]:
        return ()

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        sent, keys = Sent(), StoppedKeys()
        for one in batch:
            if keys.stopped(one.envelope):
                continue
            if one.envelope.key in self.refused:
                sent.failed[one.row] = RuntimeError("it does not fit")
                keys.stop(one.envelope)
            else:
                self.sent.append(f"{one.envelope.key} {one.envelope.position}")
                sent.rows.append(one.row)
        return sent


def held(transport: Refusing, order: str = "key") -> tuple[Relay, Hold]:
    """A relay whose first message failed and is held for an hour; given up at once where the order is strict."""
    if order == "strict":
        OutboxMessage.objects.filter(id=OutboxMessage.objects.order_by("id")[0].pk).update(attempts=7)
    relay = relay_to(transport, order=order)
    relay.drain()
    if order == "key":
        with connection.cursor() as cursor:
            cursor.execute("UPDATE outbox_hold SET until = now() + interval '1 hour'")
    return relay, Hold.objects.get()
