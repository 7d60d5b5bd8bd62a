"""An attempt of a step."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .run import Run


class Attempt(models.Model):
    """One call of a step or of its undo. The timeline shows these rows."""

    class Direction(models.TextChoices):
        FORWARD = "forward", "step"
        UNDO = "undo", "undo"

    class Outcome(models.TextChoices):
        DONE = "done", "done"
        REFUSED = "refused", "refused"
        IN_DOUBT = "in_doubt", "no clear answer"
        AWAY = "away", "not applied, participant away"
        AWAITS = "awaits", "somebody else must act first"
        LOST = "lost", "worker lost"
        OURS = "ours", "our own failure"

    run = models.ForeignKey(Run, models.CASCADE, related_name="attempts", db_index=False)  # saga_attempt_run
    step = models.CharField(max_length=100)
    direction = models.CharField(max_length=7, choices=Direction.choices)
    number = models.PositiveIntegerField()
    token = models.UUIDField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True)
    error_class = models.CharField(max_length=200, blank=True)
    error_text = models.TextField(blank=True)
    progress = models.FloatField(null=True, help_text="How far it has come, from 0 to 1, as it says itself.")
    note = models.TextField(null=True, help_text="What it said last.")  # noqa: DJ001 - most attempts never say anything
    beat_at = models.DateTimeField(null=True, help_text="When it last said that it still works.")
    worker = models.CharField(max_length=200, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)

    class Meta:
        db_table = "saga_attempt"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["run", "id"], name="saga_attempt_run")]

    def __str__(self) -> str:
        return f"{self.step} {self.direction} {self.number}"
