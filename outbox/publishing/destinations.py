"""Where messages go: each destination has a transport, a level of order, and the events it takes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from django.conf import settings as project
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..declare.events import ORDERS, Order
from ..errors import OutboxDeclarationError
from ..transports import Transport

SHARDS = 16
"""The number of parts into which relays divide a destination; so many relays can work on it at once.

It is no setting: messages written with another number would overtake messages that wait.
"""
LONGEST_NAME = 40
TASKS = {"tasks": {"transport": "outbox.transports.celery.CeleryTransport"}}


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that messages go to."""

    name: str
    transport: Transport
    order: Order = "key"
    """`none`: messages are independent. `key`: messages of a key go out in the order of their ids. `strict`: also,
    ids follow the order of commits, and a message that is given up stops its key.
    """
    keep: bool = True
    """Whether published messages are kept as history."""
    events: tuple[str, ...] = ("*",)
    """Patterns of event types, as for `fnmatch`."""
    max_age: timedelta = timedelta(seconds=60)
    """An unpublished message older than this is an alarm. The setting may be a number of seconds."""

    def takes(self, type_: str) -> bool:
        """Whether this event goes here."""
        return any(fnmatchcase(type_, pattern) for pattern in self.events)


def configured() -> tuple[Destination, ...]:
    """The destinations of OUTBOX_DESTINATIONS. Raises OutboxDeclarationError for one that cannot work."""
    return _configured()


def for_event(type_: str) -> tuple[Destination, ...]:
    """Where this event goes. Raises OutboxDeclarationError when no destination takes it."""
    return _for_event(type_)


def shard_of(key: str, message_id: int) -> int:
    """The shard of a key's messages. A message without a key goes to any shard, by the random bits of its id."""
    return (zlib.crc32(key.encode()) if key else message_id) % SHARDS


@cache
def _configured() -> tuple[Destination, ...]:
    given: dict[str, dict[str, Any]] = getattr(project, "OUTBOX_DESTINATIONS", TASKS)
    if not given:
        raise OutboxDeclarationError("OUTBOX_DESTINATIONS is empty: name one destination at least, or leave it out.")
    return tuple(_build(name, dict(options)) for name, options in given.items())


@cache
def _for_event(type_: str) -> tuple[Destination, ...]:
    found = tuple(one for one in configured() if one.takes(type_))
    if not found:
        raise OutboxDeclarationError(
            f"{type_} goes nowhere: no destination of OUTBOX_DESTINATIONS names it, or a pattern of it, in `events`."
        )
    return found


def _build(name: str, given: dict[str, Any]) -> Destination:
    try:
        transport = import_string(given.pop("transport"))(**given.pop("options", {}))
    except KeyError:
        raise OutboxDeclarationError(
            f"The destination {name} has no `transport`: give the path of its class."
        ) from None
    except (ImportError, TypeError, ValueError) as error:
        raise OutboxDeclarationError(f"The transport of the destination {name} cannot be made: {error}") from error
    _check(name, given)
    if "events" in given:
        given["events"] = tuple(given["events"])
    if isinstance(given.get("max_age"), int | float):
        given["max_age"] = timedelta(seconds=given["max_age"])
    try:
        return Destination(name, transport, **given)
    except TypeError as error:
        raise OutboxDeclarationError(
            f"The destination {name}: {error}. Known are order, keep, events, max_age, options."
        ) from error


def _check(name: str, given: dict[str, Any]) -> None:
    if given.get("order", "key") not in ORDERS:
        raise OutboxDeclarationError(f"The destination {name}: `order` is one of {', '.join(ORDERS)}.")
    if len(name) > LONGEST_NAME:
        raise OutboxDeclarationError(
            f"The destination {name} has {len(name)} characters; at most {LONGEST_NAME} are kept."
        )
    if isinstance(given.get("events"), str):
        raise OutboxDeclarationError(
            f"The destination {name}: `events` is a list of patterns; write [{given['events']!r}]."
        )


def _forget(**changed: Any) -> None:
    if str(changed["setting"]).startswith("OUTBOX_"):
        _configured.cache_clear()
        _for_event.cache_clear()


setting_changed.connect(_forget)  # tests override settings
