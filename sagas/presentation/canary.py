"""The figure of the canary: how old the last run is that went the whole path."""

from __future__ import annotations

from datetime import timedelta

from ..settings import saga_settings
from ..sql import canary, fetch


def age() -> timedelta | None:
    """Since the start of the last canary that completed, or of the first while none has; None when there is none."""
    if not saga_settings.CANARY:
        return None
    found: timedelta | None = fetch(canary.AGE, {"name": canary.NAME})[0][0]
    return found
