"""The shop's own settings and its defaults, with the bench's app; nothing is tuned for the bench.

BENCH_TRANSPORT names how messages leave: `streams` or `celery`.
"""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as SHOP

from .event import STREAM

INSTALLED_APPS = [*SHOP, "tests.bench.outbox.host"]
CELERY_TASK_DEFAULT_QUEUE = STREAM
CELERY_TASK_ROUTES = {}
STREAMS = {
    "transport": "outbox.transports.streams.StreamsTransport",
    "options": {"stream": STREAM, "source": "https://shop.example"},
}
OUTBOX_DESTINATIONS = (
    {"partners": STREAMS}
    if os.environ.get("BENCH_TRANSPORT") == "streams"
    else {"tasks": {"transport": "outbox.transports.celery.CeleryTransport"}}
)
