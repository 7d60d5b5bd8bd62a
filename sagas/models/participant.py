"""What is kept of a participant."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class Breaker(models.Model):
    """The circuit breaker and the rate limit of one participant.

    No row means a closed breaker. Only statements in `sql/participants.py` write it, hence the database defaults.
    """

    class State(models.TextChoices):
        CLOSED = "closed", "answers"
        """Calls go through."""
        OPEN = "open", "away"
        """Calls are held until `open_until`, and then one call is tried. Without that time, an operator holds the
        calls."""
        HALF_OPEN = "half_open", "being tried"
        """One call is under way as a trial, until `trial_until` at most; all others are held."""

    name = models.CharField("participant", primary_key=True, max_length=100)
    state = models.CharField(max_length=9, choices=State.choices, db_default=State.CLOSED)
    failures = models.PositiveIntegerField(db_default=0, help_text="In a row.")
    openings = models.PositiveIntegerField(db_default=0, help_text="In a row; each holds longer than the one before.")
    opened_at = models.DateTimeField(null=True, help_text="Since when runs wait for it.")
    open_until = models.DateTimeField(null=True)
    trial = models.UUIDField(null=True, help_text="Fences the trial: a stale one decides nothing.")
    trial_until = models.DateTimeField(null=True)
    reason = models.TextField(db_default="", help_text="What the last failure said, or who held the calls and why.")
    next_call_at = models.DateTimeField(null=True, help_text="Before it no call may begin.")
    last_turn_at = models.DateTimeField(null=True, help_text="The end of the queue for such turns.")
    released_at = models.DateTimeField(null=True, help_text="Up to when waiting runs were released.")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "saga_participant"
        verbose_name = "participant"
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("close_breaker", "Can let calls to a participant go again"),
            ("open_breaker", "Can hold all calls to a participant"),
        ]

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """A slot for one of the calls that a participant takes at once; it is free after `until`."""

    participant = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    token = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_slot"
        constraints: ClassVar = [models.UniqueConstraint(fields=["participant", "number"], name="saga_slot_number")]

    def __str__(self) -> str:
        return f"{self.participant} {self.number}"
