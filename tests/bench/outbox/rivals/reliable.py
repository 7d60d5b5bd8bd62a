"""django-reliable-outbox: `prepare`, or `relay`.

Its README says what there is to set: messages claimed at once (BATCH_SIZE, 10) and threads (`--concurrency`, 1), of
which more are faster because every message is a commit of its own. Both were taken by measuring, on a shared machine:
4 and 8 threads sent 1050-1200 rows a second, 1 and 2 threads 740-810, 16 threads 800-970; 10 or 500 claimed at once
were slower than 100. Its LISTEN needs psycopg 3, which is installed.
"""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from tests.bench.outbox.event import MODELS, STREAM, TYPE, order
from tests.bench.outbox.rivals.database import databases

THREADS = 4
BATCH = 100


def configure() -> None:
    destination = {
        "BACKEND": "reliable_outbox.destinations.redis.RedisStreamDestination",
        "OPTIONS": {"url": os.environ["REDIS_URL"], "stream": STREAM},
    }
    settings.configure(
        SECRET_KEY="bench",
        USE_TZ=True,
        DATABASES=databases(),
        INSTALLED_APPS=["django.contrib.contenttypes", "reliable_outbox"],
        RELIABLE_OUTBOX={"BATCH_SIZE": BATCH, "DESTINATIONS": {"default": destination}},
    )
    django.setup()


def prepare() -> None:
    from reliable_outbox import publish

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        for number in range(MODELS):
            publish(TYPE, order(number))


def relay() -> None:
    print("ready.", flush=True)
    call_command("outbox_worker", concurrency=THREADS)


if __name__ == "__main__":
    configure()
    relay() if sys.argv[1] == "relay" else prepare()
