"""The project's settings, with a small app that uses the outbox as a host project would."""

import os
from datetime import timedelta

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as SHOP

INSTALLED_APPS = [*SHOP, "tests.support.hostapp"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and guards nothing here
if "TEST_REDELIVER_AFTER" in os.environ:
    OUTBOX_REDELIVER_AFTER = float(os.environ["TEST_REDELIVER_AFTER"])
if "TEST_LEASE" in os.environ:
    OUTBOX_LEASE = float(os.environ["TEST_LEASE"])
if "TEST_HEARTBEAT_EVERY" in os.environ:
    OUTBOX_HEARTBEAT_EVERY = float(os.environ["TEST_HEARTBEAT_EVERY"])
if "TEST_LEASE_MARGIN" in os.environ:
    SAGAS_LEASE_MARGIN = timedelta(seconds=float(os.environ["TEST_LEASE_MARGIN"]))
if "TEST_ORDER" in os.environ:
    OUTBOX_DESTINATIONS = {
        "tasks": {"transport": "outbox.transports.celery.CeleryTransport", "order": os.environ["TEST_ORDER"]}
    }
SAGAS_CANARY = os.environ.get("SAGAS_CANARY") == "1"  # tests count the runs that there are
if "SAGAS_IN_PLACE" in os.environ:
    SAGAS_IN_PLACE = os.environ["SAGAS_IN_PLACE"] == "1"
if "SAGAS_HAND" in os.environ:
    SAGAS_HAND = int(os.environ["SAGAS_HAND"])
