"""django-celery-outbox: `prepare`, or `relay`.

Set as its documentation says (docs/relay/tuning.md): `--batch-size` of 500 to 1000 for a high volume, `--idle-time 0.1`
for real time. Batches of 1000 were no faster, nor were 4 and 8 publishing threads (`--publish-concurrency`, which cost
more CPU). Nobody receives its StatsD metrics, so they are off, and it logs warnings only, not a line for each message.
"""

from __future__ import annotations

import logging
import sys

import django
import structlog
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from tests.bench.outbox.event import MODELS, TYPE, order
from tests.bench.outbox.rivals.database import databases

BATCH = 500
IDLE = 0.1  # seconds


def configure() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings.configure(
        SECRET_KEY="bench",
        USE_TZ=True,
        DATABASES=databases(),
        INSTALLED_APPS=["django.contrib.contenttypes", "django_celery_outbox"],
        CELERY_OUTBOX_APP="tests.bench.outbox.rivals.celery_app.app",
        MONITORING_METRICS_ENABLED=False,
    )
    django.setup()


def prepare() -> None:
    from tests.bench.outbox.rivals.celery_app import app

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        for number in range(MODELS):
            app.send_task(TYPE, args=(order(number),))


def relay() -> None:
    print("ready.", flush=True)
    call_command("celery_outbox_relay", batch_size=BATCH, idle_time=IDLE)


if __name__ == "__main__":
    configure()
    relay() if sys.argv[1] == "relay" else prepare()
