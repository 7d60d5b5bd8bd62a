"""A rival's database, as Django wants it."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit


def databases() -> dict[str, Any]:
    """From DATABASE_URL; one connection that stays open, as a relay's does."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.path.lstrip("/"),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname,
            "PORT": url.port,
            "CONN_MAX_AGE": None,
        }
    }
