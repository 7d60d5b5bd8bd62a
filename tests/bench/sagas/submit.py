"""`python -m tests.bench.sagas.submit trial`: starts runs of one of the bench's sagas as a host's view would."""

from __future__ import annotations

import sys
import uuid

import django
from django.db import transaction

from .protocol import serve


def main(name: str) -> None:
    django.setup()
    from sagas.declare import registry

    from .host.sagas import Trial

    saga = registry.find(name, 1)
    series = uuid.uuid4().hex

    def submit(number: int, slow: bool) -> str:
        with transaction.atomic():
            return str(saga.start(Trial(number, slow), key=f"{series}:{number}", subject=f"B-{number}"))

    serve(submit)


if __name__ == "__main__":
    main(sys.argv[1])
