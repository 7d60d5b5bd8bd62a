"""Declare events and their subscribers. Imports no Django, because a declaration needs no database."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from ..errors import OutboxDeclarationError
from ..messages import codec
from ..messages.trace import Trace
from ..retry import Retry
from . import versions

T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., None])
LONGEST_NAME = 100
Order = Literal["none", "key", "strict"]
ORDERS = ("none", "key", "strict")


@dataclass(frozen=True, slots=True)
class Message(Generic[T]):
    """An event, as one subscriber receives it."""

    id: UUID
    """The same for every delivery of this message: pass it to other systems as idempotency key."""
    body: T
    key: str
    type: str
    version: int
    """The version that was published; `body` has the version that the subscriber declares."""
    occurred_at: datetime
    """When the event was written, by PostgreSQL's clock."""
    trace: Trace
    attempt: int
    """From 1; counts tries that failed or may have crashed."""


Handler = Callable[..., None]
"""`handler(message)`; `handler(message, result)` for a subscriber with a `call`; `handler(messages)`, a list, for
one with `at_once`.
"""
Call = Callable[[Message[T]], Any]
GaveUpHook = Callable[[Message[T], Exception], bool | None]
Recover = Callable[[Message[T], Exception], Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """What `@event` declares: a name, a version, and the dataclass of the body."""

    name: str
    version: int
    body: type


@dataclass(frozen=True, slots=True)
class Upcast:
    """What `@upcast` declares: how a body of one version becomes a body of a later version."""

    name: str
    version: int
    body: type
    """The function's argument: the version's class, or dict."""
    to: EventType
    function: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What `@subscribe` declares."""

    name: str
    event: EventType
    handler: Handler
    retry: Retry
    call: Call[Any] | None = None
    gave_up: GaveUpHook[Any] | None = None
    order: Order = "key"
    at_once: int = 1
    recover: Recover[Any] | None = None
    queue: str = ""

    def read(self, type_: str, version: int, payload: str) -> Any:
        """The body for the handler, upcast when the message is older. Raises CannotRead, which says what to do."""
        return versions.read(registry, self, type_, version, payload)

    def is_ordered(self, key: str) -> bool:
        """Whether it handles messages of this key one after the other; never for messages without a key."""
        return bool(key) and self.order != "none"

    def pulls(self, key: str) -> bool:
        """Whether it pulls messages of this key from PostgreSQL when it is woken; otherwise they are pushed."""
        return self.at_once > 1 or self.is_ordered(key)


@dataclass(slots=True)
class Registry:
    """Every event and subscriber that the imported modules declare."""

    events: dict[tuple[str, int], EventType] = field(default_factory=dict)
    by_class: dict[type, EventType] = field(default_factory=dict)
    subscribers: dict[str, Subscriber] = field(default_factory=dict)
    upcasts: dict[tuple[str, int], Upcast] = field(default_factory=dict)
    """By the event's name and the version that the upcast reads."""

    def event_of(self, body: type) -> EventType:
        """The declaration of an event's class. Raises OutboxDeclarationError when there is none."""
        try:
            return self.by_class[body]
        except KeyError:
            raise OutboxDeclarationError(
                f"{body.__qualname__} is not declared: "
                'put @event("<app>.<what_happened>", version=1) above its @dataclass.'
            ) from None

    def add_event(self, declared: EventType) -> None:
        """Raises OutboxDeclarationError when another class has the same name and version."""
        other = self.events.get((declared.name, declared.version))
        if other is not None and not _same_place(other.body, declared.body):
            raise OutboxDeclarationError(
                f"{declared.name} version {declared.version} is declared twice, by {_place(other.body)} and "
                f"{_place(declared.body)}: give one of them another name or version."
            )
        self.events[declared.name, declared.version] = declared
        self.by_class[declared.body] = declared

    def add_subscriber(self, declared: Subscriber) -> None:
        """Raises OutboxDeclarationError when another handler has the same name."""
        other = self.subscribers.get(declared.name)
        if other is not None and not _same_place(other.handler, declared.handler):
            raise OutboxDeclarationError(
                f"Two subscribers are named {declared.name}: {_place(other.handler)} and {_place(declared.handler)}. "
                "The inbox would take one's message for the other's: rename one."
            )
        self.subscribers[declared.name] = declared

    def add_upcast(self, declared: Upcast) -> None:
        """Raises OutboxDeclarationError when another function reads the same version."""
        other = self.upcasts.get((declared.name, declared.version))
        if other is not None and not _same_place(other.function, declared.function):
            raise OutboxDeclarationError(
                f"{declared.name} version {declared.version} has two upcasts, {_place(other.function)} and "
                f"{_place(declared.function)}, and a message can take only one: keep one."
            )
        self.upcasts[declared.name, declared.version] = declared

    def knows(self, type_: str) -> bool:
        """Whether any version of this event is declared here."""
        return any(name == type_ for name, _ in self.events)

    def versions_of(self, type_: str) -> list[int]:
        """The versions of this event that are declared here, oldest first."""
        return sorted(version for name, version in self.events if name == type_)

    def subscribers_of(self, type_: str) -> tuple[str, ...]:
        """The names of all subscribers to this event, whatever its version."""
        return tuple(one.name for one in self.subscribers.values() if one.event.name == type_)

    def pulls(self, subscriber: str, key: str) -> bool:
        """Whether this subscriber pulls messages of this key; False for an unknown subscriber."""
        declared = self.subscribers.get(subscriber)
        return declared is not None and declared.pulls(key)


registry = Registry()


def event(name: str, *, version: int) -> Callable[[type[T]], type[T]]:
    """Declare a frozen dataclass as an event: a fact, named in the past tense, `"orders.order_placed"`.

    Any change of its schema needs a new `version`, and an `@upcast` from the version before. Raises
    OutboxDeclarationError at import for a name in use, a class that is not a frozen dataclass, or a field that JSON
    cannot carry.
    """

    def declare(body: type[T]) -> type[T]:
        _check_name(name)
        if version < 1:
            raise OutboxDeclarationError(f"{name}: versions count from 1, not {version}.")
        if not dataclasses.is_dataclass(body) or not body.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise OutboxDeclarationError(f"{name}: put @dataclass(frozen=True) under @event; a fact does not change.")
        try:
            codec.check_type(body)
        except TypeError as error:
            raise OutboxDeclarationError(f"{name}: {error}") from error
        registry.add_event(EventType(name, version, body))
        return body

    return declare


def subscribe(
    event_type: type[T],
    *,
    name: str,
    retry: Retry | None = None,
    order: Order = "key",
    at_once: int = 1,
    call: Call[T] | None = None,
    gave_up: GaveUpHook[T] | None = None,
    recover: Recover[T] | None = None,
    queue: str = "",
) -> Callable[[H], H]:
    """Call the function with each `Message[event_type]`, inside the transaction that records it as handled.

    `name` is stored in the inbox and must never change: a new name receives every message again.

    The function returns (handled) or raises: RetryAfter (try later, uses up no attempt), PermanentFailure (dead letter
    at once), anything else (try again as `retry` says, then a dead letter).

    `order`: with `key`, messages of a key are handled one at a time, in order. A message that fails holds back its key
    for this subscriber while it is tried again; when it is given up, the next one follows. With `strict` the next ones
    wait until a person has requeued or dropped it. With `none`, and for messages without a key, messages are
    independent.

    `at_once`: the function gets a list of up to that many messages, of any keys, and handles them in one transaction.
    When that fails, each message is tried by itself, in a list of one.

    `call(message)` is for calls to other systems. It runs before the transaction, so that none is open meanwhile, and
    its result is the function's second argument. It may run more than once for one message: pass an idempotency key on.

    `recover(message, error)`, beside a `call`, is asked before a message is given up, outside the transaction: what
    became of the call? Unless it returns None, the function gets its result in place of the call's result.

    `gave_up(message, error)` runs in the transaction that writes the dead letter, for a message that could be read; it
    may publish. When it returns True it has settled the matter, and there is no dead letter. It runs again when the
    message was requeued and is given up again.

    `queue`: the broker's queue for its messages, when it is not the queue of the task `outbox.deliver`. A queue of its
    own keeps many messages that are not urgent from delaying others. A worker must take it.

    Raises OutboxDeclarationError at import for a name in use, an unknown order, `at_once` together with `call`, and
    `recover` without `call`.
    """
    declared = registry.event_of(event_type)

    def add(handler: H) -> H:
        _check_name(name)
        _check_turns(name, order, at_once, call, recover)
        patience = retry or Retry()
        one = Subscriber(name, declared, handler, patience, call, gave_up, order, at_once, recover, queue)
        registry.add_subscriber(one)
        return handler

    return add


def _check_name(name: str) -> None:
    if not name or len(name) > LONGEST_NAME:
        raise OutboxDeclarationError(f"{name!r}: give a name of 1 to {LONGEST_NAME} characters.")


def _check_turns(name: str, order: str, at_once: int, call: object, recover: object) -> None:
    if order not in ORDERS:
        raise OutboxDeclarationError(f"{name}: `order` is one of {', '.join(ORDERS)}, not {order!r}.")
    if at_once < 1:
        raise OutboxDeclarationError(f"{name}: `at_once` is 1 or more, not {at_once}.")
    if at_once > 1 and call is not None:
        raise OutboxDeclarationError(
            f"{name}: a `call` is made for one message, so that its answer is not lost with another's failure. "
            "Leave out `at_once`, or the `call`."
        )
    if recover is not None and call is None:
        raise OutboxDeclarationError(f"{name}: `recover` finds out what became of a `call`, and there is none.")


def _place(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _same_place(one: Any, other: Any) -> bool:
    """Whether both are the same declaration, imported twice."""
    return _place(one) == _place(other)
