"""Whether this process makes spans. Off, nothing of OpenTelemetry is imported, and it need not be installed."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec

logger = logging.getLogger(__name__)
NAMES = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LOCK = "config/telemetry/requirements.txt"
PROBES = 2
"""Middleware before OpenTelemetry's: of the metrics and of the probes, which answer before anybody checks the host."""

_is_on = False


def is_wanted() -> bool:
    """Whether the environment names an exporter or an endpoint for spans, and does not switch all of it off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return False
    return any(os.environ.get(name, "").strip() for name in NAMES)


def start() -> None:
    """Make spans from now on, where they are wanted. Call it once in a process, before it forks and connects."""
    global _is_on
    if _is_on or not is_wanted():
        return
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        logger.warning("Spans are wanted, and OpenTelemetry is not installed: pip install --require-hashes -r %s", LOCK)
        return
    from . import provider

    provider.start()
    _is_on = True


def start_web(*, probes: int = PROBES, begins: bool = True) -> None:
    """Have each request be a span. Call it in a web process, after `start` and before Django loads its middleware.

    `probes`: how many middleware stand before it. `begins`: False where only traces of others are continued.
    """
    if _is_on:
        from . import provider

        provider.start_web(probes, begins=begins)


def flush() -> None:
    """Send what has not been sent yet, for a process that is about to end; waits for some seconds at most."""
    if _is_on:
        from . import provider

        provider.flush()
