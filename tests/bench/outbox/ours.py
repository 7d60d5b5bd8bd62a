"""This relay: `prepare [KEYS]`, `relay`, or `write`. The one module of the bench that knows how the outbox is used."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import cache
from typing import Any

import django
from django.db import transaction

from .arrivals import key
from .event import order
from .writer import serve

SETTINGS = "tests.bench.outbox.settings"
MODELS = 1000  # rows without a key are spread over the shards at random: enough that all get about as many


def prepare(keys: int) -> None:
    """Publish the events that the backlog is made of."""
    from outbox import publish

    from .host.events import OrderPlaced

    with transaction.atomic():
        for number in range(MODELS):
            publish(OrderPlaced(**order(number)), key=f"order:{number % keys}" if keys else "")  # type: ignore[arg-type]


def relay() -> None:
    """Relay until SIGTERM, without beat and Celery."""
    from outbox.relay.threads import RelayThreads

    crew = RelayThreads()
    signal.signal(signal.SIGTERM, lambda *_: crew.stop.set())
    print("ready.", flush=True)
    crew.run()


def write() -> None:
    """Publish as a view would: an event in a transaction."""
    from outbox import publish

    from .host.events import OrderPlaced

    def one(number: int) -> float:
        committed: list[float] = []
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.monotonic()))  # first, before the doorbell is rung
            publish(OrderPlaced(**order(number)), key=key(number))  # type: ignore[arg-type]
        return committed[0]

    serve(one)


@cache
def doorbell() -> Any:
    """The outbox's doorbell, in a process that has no Django yet."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    django.setup()
    from outbox import doorbell

    return doorbell


def wake() -> None:
    """Ring as `publish` does after its commit: the backlog is written without it."""
    doorbell().ring()


if __name__ == "__main__":
    django.setup()
    match sys.argv[1]:
        case "prepare":
            prepare(int(sys.argv[2]))
        case "relay":
            relay()
        case _:
            write()
