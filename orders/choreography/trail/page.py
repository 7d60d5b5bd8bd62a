"""The page that draws an order's trail of events, for staff; see `OrderAdmin`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from orders import wording
from orders.models import Journey, Order
from orders.money import minor_units, shown
from outbox.messages.durations import say
from sagas.presentation.labels import Badge

from ..events import PREFIX
from .graph import RUN_READY, graph
from .messages import Receiver, Written, trail_of
from .picture import Picture, picture

FACES = {
    "done": Badge("✓", "ok", "handled"),
    "handled": Badge("✓", "ok", "handled"),
    "open": Badge("…", "wait", "on its way"),
    "waiting": Badge("…", "wait", "waits for the relay"),
    "dead": Badge("✕", "bad", "dead letter"),
    "refused": Badge("↩", "act", "turned the order"),
    "told": Badge("·", "calm", "published"),
    "unheard": Badge("!", "bad", "nobody heard it"),
    "chain": Badge("▶", "busy", "to the saga's workers"),
}
TURNS = ("_refused", ".cancel_requested", ".deadline_passed")


@dataclass(frozen=True, slots=True)
class ShownReceiver:
    """One subscriber under a message."""

    name: str
    face: Badge
    text: str
    dead_letter: int | None


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One row of the picture."""

    message: Written
    title: str
    face: Badge
    since: str
    """How long after the order was placed."""
    after: str
    """How long after its cause; empty without one."""
    cause: str
    """The title of what led to it."""
    receivers: list[ShownReceiver]
    body: str
    svg: Picture


@dataclass(frozen=True, slots=True)
class TrailPage:
    """All that the template shows."""

    order: Order
    journey: Journey | None
    now: datetime
    rows: list[ShownMessage] = field(default_factory=list)

    @classmethod
    def of(cls, order: Order) -> TrailPage:
        """The order's trail as it is now."""
        trail, now = trail_of(order.saga_key), timezone.now()
        journey = Journey.objects.filter(pk=order.pk).first()
        return cls(order, journey, now, list(_rows(order, trail, now)))

    @property
    def lasted(self) -> str:
        """From the order's first message to its last."""
        return self.rows[-1].since if self.rows else ""

    @property
    def why(self) -> str:
        """Why the order does not go as wished; empty while it does. An operator reads it: "you" is not the customer."""
        code = self.order.status_reason
        if self.order.status in (Order.Status.CANCELLING, Order.Status.CANCELLED) and code:
            words = self.journey.reason if self.journey else ""
            return f"{words or wording.reason(code)} ({code})"
        return code

    @property
    def counts(self) -> list[tuple[Badge, int]]:
        """How many messages are on their way, or dead; nothing when all are handled."""
        states = [row.message.state for row in self.rows]
        return [(FACES[state], states.count(state)) for state in ("dead", "waiting", "open") if state in states]

    @property
    def may_go_on(self) -> bool:
        """Whether publishing the last event again could set it going."""
        return self.journey is not None and self.journey.state != Journey.State.ENDED

    @property
    def may_turn(self) -> bool:
        """Whether the order can still be undone."""
        return self.journey is not None and self.journey.state == Journey.State.OPEN

    @property
    def may_close(self) -> bool:
        """Whether only an operator can say that the order counts as undone."""
        parked = self.journey is not None and self.order.status == Order.Status.NEEDS_ATTENTION
        return parked or self.order.status == Order.Status.CONFIRMED

    @property
    def closing_says(self) -> str:
        """What the customer is told of the money when the order is closed as undone; the operator answers for it."""
        order = self.order
        if not order.total:
            return "The customer is told."
        confirmed = order.status == Order.Status.CONFIRMED  # that letter said what was charged
        charged = order.charged or (minor_units(order.total, order.currency) if confirmed else 0)
        if not charged:
            return "The customer is told that the card was not charged."
        return f"The customer is told that all of {shown(charged, order.currency)} comes back: give back so much."


def _rows(order: Order, trail: Sequence[Written], now: datetime) -> Iterator[ShownMessage]:
    drawn = graph(trail)
    lanes = 1 + max((max([row.lane, *row.through, *row.branches]) for row in drawn), default=0)
    for message, row in zip(trail, drawn, strict=True):
        cause = None if row.cause is None else trail[row.cause]
        yield ShownMessage(
            message=message,
            title=title(message.type),
            face=face(message),
            since=say(max(message.at - order.created_at, timedelta(0))),
            after=say(message.at - cause.at) if cause and not row.by_saga else "",
            cause=title(cause.type) if cause and not row.by_saga else "",
            receivers=[_receiver(receiver, message, now) for receiver in message.receivers],
            body=_pretty(message.payload),
            svg=picture(row, lanes),
        )


def title(type_: str) -> str:
    """`orders.choreography.stock_reserved` is Stock reserved."""
    return type_.rpartition(".")[2].replace("_", " ").capitalize()


def face(message: Written) -> Badge:
    """What the row's badge says: how its deliveries stand, and whether it turned the order."""
    if message.state != "done":
        return FACES[message.state]
    if message.type == RUN_READY:
        return FACES["chain"]
    if not message.type.startswith(PREFIX):
        return FACES["done" if message.receivers else "told"]
    if not message.receivers:  # each of these events has a subscriber that goes on from it
        return FACES["unheard"]
    return FACES["refused" if message.type.endswith(TURNS) else "done"]


def _receiver(receiver: Receiver, message: Written, now: datetime) -> ShownReceiver:
    attempts = f"attempt{'' if receiver.attempts == 1 else 's'}"
    tries = f"{receiver.attempts} failed {attempts}" if receiver.attempts else ""
    match receiver.state:
        case "handled":
            parts = [f"after {say(receiver.at - message.at)}"]
        case "open":
            ahead = receiver.at - now
            if receiver.attempts:  # the last one may go on at this moment: it is counted before it begins
                tries = f"{receiver.attempts} {attempts} so far"
            parts = [tries, f"due in {say(ahead)}" if ahead > timedelta(0) else "due now", receiver.error]
        case _:
            parts = [tries, receiver.error]
    name = receiver.name or "the broker"
    return ShownReceiver(name, FACES[receiver.state], " · ".join(filter(None, parts)), receiver.dead_letter)


def _pretty(payload: str) -> str:
    try:
        value: Any = json.loads(payload)
    except ValueError:
        return payload
    return json.dumps(value, indent=2, ensure_ascii=False)
