"""What a person does with an alert: says that they see to it, or wants to hear nothing of it for a while."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from ..errors import SagaError
from ..models import Alert

LONGEST_SILENCE = timedelta(days=7)


class CannotAct(SagaError):
    """The alert does not allow it; the message says why."""


def acknowledge(pk: int, *, by: str, reason: str) -> None:
    """Record that somebody sees to it; the mail of its end names them. Raises CannotAct when it is over."""
    with transaction.atomic():
        alert = Alert.objects.select_for_update().get(pk=pk)
        if not alert.is_on:
            raise CannotAct(f"“{alert}” is over: nobody need see to it.")
        alert.acknowledged_at, alert.acknowledged_by, alert.acknowledged_reason = Now(), by, reason
        alert.save(update_fields=["acknowledged_at", "acknowledged_by", "acknowledged_reason"])


def silence(pk: int, *, by: str, reason: str, span: timedelta) -> None:
    """Tell nobody that it begins, for so long. Its end is told to whoever was told of its beginning.

    What still holds when the silence is over is told then. Raises CannotAct for more than a week, or no time at all.
    """
    if not timedelta(0) < span <= LONGEST_SILENCE:
        raise CannotAct(f"Silence it for at most {LONGEST_SILENCE.days} days.")
    with transaction.atomic():
        alert = Alert.objects.select_for_update().get(pk=pk)
        alert.silenced_until, alert.silenced_by, alert.silenced_reason = Now() + span, by, reason
        alert.save(update_fields=["silenced_until", "silenced_by", "silenced_reason"])


def end_silence(pk: int, *, by: str, reason: str) -> None:
    """Tell of it again: at the next evaluation, if it is on and nobody was told."""
    with transaction.atomic():
        alert = Alert.objects.select_for_update().get(pk=pk)
        alert.silenced_until, alert.silenced_by, alert.silenced_reason = None, by, reason
        alert.save(update_fields=["silenced_until", "silenced_by", "silenced_reason"])
