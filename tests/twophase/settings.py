"""The shop's own settings and its defaults, with the lab's app; nothing is tuned for the lab."""

from config.settings import *  # noqa: F403
from config.settings import CELERY_BEAT_SCHEDULE as SHOP_SCHEDULE
from config.settings import INSTALLED_APPS as SHOP

INSTALLED_APPS = [*SHOP, "tests.twophase.host"]
# Relay and sweep as in the real stack; the shop's catalogue needs its stand-ins, which do not run here.
CELERY_BEAT_SCHEDULE = {
    name: entry for name, entry in SHOP_SCHEDULE.items() if entry["task"] in ("outbox.relay", "sagas.sweep")
}
