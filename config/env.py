"""The one place that reads the process's environment.

While `make up` runs, `.local/env` holds the addresses of its servers, so that `python manage.py …` in a second terminal
finds them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_HOME = Path(os.environ.get("SETTLE_HOME") or BASE_DIR / ".local").resolve()
LOCAL_ENV = LOCAL_HOME / "env"


def load_local() -> None:
    """Set the variables of `.local/env`. With DATABASE_URL the environment names its own servers, so none is set."""
    if "DATABASE_URL" in os.environ or not LOCAL_ENV.exists():
        return
    for line in LOCAL_ENV.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            os.environ.setdefault(name, value)


LOOPBACK = ("127.0.0.1", "localhost", "::1")


def spare_loopback() -> None:
    """Keep the HTTP clients of this process and of its children from using a proxy for this machine.

    With HTTP_PROXY set and NO_PROXY not, `requests` and the SDKs on it send even http://127.0.0.1 to the proxy.
    """
    spared = [word.strip() for word in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",")]
    spared = [word for word in spared if word]
    if "*" not in spared:
        value = ",".join([*spared, *(host for host in LOOPBACK if host not in spared)])
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = value  # clients differ in which of the two they read


def text(name: str, default: str = "") -> str:
    """The variable as text."""
    return os.environ.get(name, default)


def broker_url(environment: Mapping[str, str] = os.environ) -> str:
    """Celery's broker: CELERY_BROKER_URL, else REDIS_URL without the option `protocol`, which kombu does not accept."""
    if url := environment.get("CELERY_BROKER_URL"):
        return url
    parts = urlsplit(environment["REDIS_URL"])
    options = [option for option in parts.query.split("&") if option.partition("=")[0] != "protocol"]
    return urlunsplit(parts._replace(query="&".join(options)))


def required(name: str, hint: str) -> str:
    """The variable as text; a missing one is an error that says what to set."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"Set {name}: {hint}")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """The variable as yes or no: 1, true, yes, on / 0, false, no, off, empty."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"", "0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no; use 1 or 0.")


def number(name: str, default: float) -> float:
    """The variable as a number of zero or more; `default` when it is not set or empty."""
    text = os.environ.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ImproperlyConfigured(f"{name}={text!r} is not a number of zero or more, such as {default:g}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """The variable as a list, split at commas."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]
