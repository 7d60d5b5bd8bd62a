"""Alerts in words."""

from __future__ import annotations

from datetime import datetime

from outbox.messages.durations import say

from ..models import Alert
from .labels import Badge

S = Alert.State
BADGES = {
    S.OK: Badge("✓", "ok", "over"),
    S.PENDING: Badge("…", "wait", "not yet"),
    S.FIRING: Badge("!", "bad", "on"),
    S.ENDING: Badge("…", "wait", "about to be over"),
}


def badge(alert: Alert) -> Badge:
    """The badge of its state; one that somebody sees to is no longer red."""
    if alert.state == S.FIRING and alert.acknowledged_at is not None:
        return Badge("✋", "act", "on, and seen to")
    return BADGES[S(alert.state)]


def stands(alert: Alert, now: datetime) -> str:
    """Since when it is on, who sees to it, and whether it is silenced."""
    parts = []
    if alert.is_on and alert.began_at is not None:
        parts.append(f"on for {say(now - alert.began_at)}")
    elif alert.state == S.PENDING:
        parts.append(f"for {say(now - alert.since)}, not for long enough to tell")
    elif alert.ended_at is not None:
        parts.append(f"over for {say(now - alert.ended_at)}")
    if alert.is_on:
        parts.append("a person was told" if alert.told_begin_at is not None else "nobody was told")
    if alert.is_on and alert.acknowledged_at is not None:
        parts.append(f"{alert.acknowledged_by} sees to it: {alert.acknowledged_reason}")
    if is_silenced(alert, now) and alert.silenced_until is not None:
        left = say(alert.silenced_until - now)
        parts.append(f"silenced for another {left} by {alert.silenced_by}: {alert.silenced_reason}")
    return "; ".join(parts) or "—"


def is_silenced(alert: Alert, now: datetime) -> bool:
    """Whether nobody is told of its beginning."""
    return alert.silenced_until is not None and alert.silenced_until > now


def lines(now: datetime) -> list[str]:
    """The alerts that are on, for the command line."""
    on = Alert.objects.filter(state__in=Alert.ON).order_by("began_at")
    return [f"alert {alert} ({alert.rule}): {stands(alert, now)}" for alert in on]
