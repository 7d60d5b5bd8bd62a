"""Starts runs of the saga that is named, as a host's view would; `waits` has a third of each that waits."""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

import django
from django.db import transaction

from tests.bench.sagas.protocol import serve

WAITS, WITH_ITEMS = "waits", "with_items"
ITEMS = "BENCH_ITEMS"
"""The environment variable with the number of items of a run."""


def main(name: str) -> None:
    django.setup()
    from sagas import Saga
    from sagas.declare import registry

    from .host.sagas import WAITING, Batch, Trial

    sagas: tuple[Saga[Any], ...] = WAITING if name == WAITS else (registry.find(name, 1),)
    series = uuid.uuid4().hex

    def submit(number: int, _slow: bool) -> str:
        saga = sagas[number % len(sagas)]
        input = Batch(int(os.environ[ITEMS])) if name == WITH_ITEMS else Trial(number)
        with transaction.atomic():
            return str(saga.start(input, key=f"{series}:{number}", subject=f"B-{number}"))

    serve(submit)


if __name__ == "__main__":
    main(sys.argv[1])
