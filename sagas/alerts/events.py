"""The events of an alert, which the outbox brings to those who tell a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outbox import event


@event("sagas.alert_began", version=1)
@dataclass(frozen=True)
class AlertBegan:
    """An alert has begun, and a person must hear of it."""

    rule: str
    label: str
    title: str
    words: str
    """What the figure means, in words."""
    do: str
    value: float
    began_at: datetime


@event("sagas.alert_ended", version=1)
@dataclass(frozen=True)
class AlertEnded:
    """An alert whose beginning was told is over."""

    rule: str
    label: str
    title: str
    began_at: datetime
    seconds: float
    """How long it lasted."""
    acknowledged_by: str
    """Who said that they see to it; empty: nobody."""
