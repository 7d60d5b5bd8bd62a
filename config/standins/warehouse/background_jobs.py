"""What the warehouse does uncalled: it takes back what nobody fetched in time, and relays what it has to tell."""

from __future__ import annotations

from functools import cache

from django.db import transaction

from outbox.relay.relay import Relay

from ..companies import alias
from . import reservations

AT_ONCE = 100
DATABASE = alias("warehouse")


def once() -> None:
    """One look."""
    let_expire()
    relay().drain()


def let_expire() -> int:
    """Give back what is due, each reservation in a transaction of its own; returns how many were."""
    expired = 0
    for key in reservations.due(AT_ONCE):
        with transaction.atomic(using=DATABASE):
            expired += reservations.expire(key)
    return expired


@cache
def relay() -> Relay:
    """This process's."""
    return Relay()
