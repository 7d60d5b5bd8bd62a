"""The warehouse's background jobs: expire reservations, and relay events."""

from __future__ import annotations

from functools import cache

from django.db import transaction

from outbox.relay.relay import Relay

from ..companies import alias
from . import reservations

AT_ONCE = 100
DATABASE = alias("warehouse")


def once() -> None:
    """Do one bounded piece of each."""
    let_expire()
    relay().drain()


def let_expire() -> int:
    """Expire the reservations that are due, each in a transaction of its own; returns their number."""
    expired = 0
    for key in reservations.due(AT_ONCE):
        with transaction.atomic(using=DATABASE):
            expired += reservations.expire(key)
    return expired


@cache
def relay() -> Relay:
    """The relay of this process."""
    return Relay()
