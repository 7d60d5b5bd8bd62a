"""The shop's own settings and its defaults, with the bench's app; nothing is tuned for the bench."""

import os

from config.settings import *  # noqa: F403
from config.settings import CELERY_BEAT_SCHEDULE as SHOP_SCHEDULE
from config.settings import INSTALLED_APPS as SHOP

INSTALLED_APPS = [*SHOP, "tests.bench.sagas.host"]
# Relay and sweep as in the real stack; the shop's catalogue needs its stand-ins, which do not run here.
CELERY_BEAT_SCHEDULE = {
    name: entry for name, entry in SHOP_SCHEDULE.items() if entry["task"] in ("outbox.relay", "sagas.sweep")
}
if "BENCH_IN_PLACE" in os.environ:
    SAGAS_IN_PLACE = os.environ["BENCH_IN_PLACE"] == "1"
