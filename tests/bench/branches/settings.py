"""The shop's own settings and its defaults, with this bench's app; nothing is tuned for the bench."""

from config.settings import *  # noqa: F403
from config.settings import CELERY_BEAT_SCHEDULE as SHOP_SCHEDULE
from config.settings import INSTALLED_APPS as SHOP

INSTALLED_APPS = [*SHOP, "tests.bench.branches.host"]
# All of the engine's own; what is the shop's needs its stand-ins, which do not run here.
CELERY_BEAT_SCHEDULE = {
    name: entry for name, entry in SHOP_SCHEDULE.items() if entry["task"].startswith(("outbox.", "sagas."))
}
SAGAS_CANARY = False  # it would run in some stretches that are measured, and not in others
