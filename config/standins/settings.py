"""Settings of the stand-ins' own Django project: a database for each company."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config.logs import logging_config  # the format of log lines is no part of the shop

from .companies import COMPANIES, alias, database_variable

OUTBOX = ("outbox", "django.contrib.auth", "django.contrib.contenttypes")  # with the apps that its tables refer to


def database(company: str) -> dict[str, Any]:
    variable = database_variable(company)
    url = os.environ.get(variable)
    if not url:
        raise ImproperlyConfigured(
            f"Set {variable}: postgres://user:password@host:5432/name (`make up` sets it for you)."
        )
    named = {"application_name": os.environ.get("SETTLE_PROCESS", "standins")}
    return {**dj_database_url.parse(url, conn_max_age=600), "OPTIONS": named}


SECRET_KEY = "stand-ins keep no secrets"  # noqa: S105
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [*(f"config.standins.{company}" for company in COMPANIES), *OUTBOX]
DATABASES: dict[str, dict[str, Any]] = {alias(company): database(company) for company in COMPANIES}
DATABASE_ROUTERS = ["config.standins.router.OneDatabaseEach"]
MIDDLEWARE = ["outbox.middleware.TraceMiddleware", "django.middleware.common.CommonMiddleware"]
APPEND_SLASH = False
ROOT_URLCONF = "config.standins.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.join(os.path.dirname(__file__), "templates")],  # noqa: PTH118, PTH120
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PUBLIC_URL = os.environ.get("STANDINS_PUBLIC_URL", "")  # our URL for browsers, when it is not the shop's
WEBHOOK_URL = os.environ.get("STANDINS_WEBHOOK_URL", "")  # where payments sends events, besides registered endpoints
WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "whsec_local").partition(",")[0].strip()
LATENCY = float(os.environ.get("STANDINS_LATENCY", "0"))  # seconds that every call takes, as a real company's would
WAREHOUSE_HOLD = timedelta(seconds=float(os.environ.get("WAREHOUSE_HOLD", "3600")))  # how long a reservation lasts
# The warehouse's events. Its relay looks each second (`warehouse/background_jobs.py`) and has no doorbell.
OUTBOX_DESTINATIONS = {
    "stream": {
        "transport": "outbox.transports.streams.StreamsTransport",
        "keep": False,
        "options": {
            "stream": os.environ.get("WAREHOUSE_STREAM", "warehouse.events"),
            "source": "https://warehouse.example",
            "keep": timedelta(days=7),
            "url": os.environ.get("WAREHOUSE_REDIS_URL") or os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0",
        },
    }
}
OUTBOX_RELAY = "command"
OUTBOX_HEARTBEAT_EVERY = float(os.environ.get("STANDINS_HEARTBEAT_EVERY", "5"))  # seconds
OUTBOX_LEASE = float(os.environ.get("WAREHOUSE_LEASE", "10"))  # seconds; above the five that Redis may take
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = logging_config(as_json=os.environ.get("LOG_FORMAT") == "json", level=os.environ.get("LOG_LEVEL", "INFO"))
LOGGING["loggers"]["django.request"]["filters"] = ["unmeant"]
