"""Hands each report of the card processor to those whom its type concerns: one delivery, in a queue of its own.

    @hears("charge.dispute.", asks=disputes_now)
    def dispute_reported(report: PaymentReported, found: list[Disputed]) -> None: ...

`asks` finds out at the processor how things stand, with no transaction open; what it returns is the second argument.
All who hear a type are asked, and then told in one transaction: what one of them cannot do yet is done again for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from outbox import Message, Retry, subscribe

from .events import PaymentReported

QUEUE = "webhooks"
"""A burst of reports keeps no step of an order waiting."""
T = TypeVar("T")
Asks = Callable[[PaymentReported], T]
Told = Callable[[PaymentReported, T], None]


@dataclass(frozen=True, slots=True)
class _Listener:
    types: tuple[str, ...]
    asks: Asks[Any]
    told: Told[Any]


_listeners: dict[str, _Listener] = {}


def hears(*types: str, asks: Asks[T]) -> Callable[[Told[T]], Told[T]]:
    """Have the function told of reports whose type begins with one of these."""

    def declare(told: Told[T]) -> Told[T]:
        _listeners[f"{told.__module__}.{told.__qualname__}"] = _Listener(types, asks, told)
        return told

    return declare


def ask(message: Message[PaymentReported]) -> list[tuple[str, Any]]:
    """What all who are concerned find out, each under its name."""
    return [(name, one.asks(message.body)) for name, one in _concerned(message.body.type).items()]


@subscribe(PaymentReported, name="webhooks.dispatch", retry=Retry(attempts=8), call=ask, queue=QUEUE)
def dispatch(message: Message[PaymentReported], found: list[tuple[str, Any]]) -> None:
    """Tell them."""
    for name, answer in found:
        _listeners[name].told(message.body, answer)


def _concerned(type_: str) -> dict[str, _Listener]:
    return {name: one for name, one in _listeners.items() if type_.startswith(one.types)}
