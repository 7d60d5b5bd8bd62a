"""A step of a run."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .run import Run


class StepStatus(models.TextChoices):
    """The status of a step."""

    PENDING = "pending", "not started"
    RUNNING = "running", "running"
    """A worker has claimed it until `lease_until`."""
    WAITING = "waiting", "waiting to retry"
    """It waits for a retry: the answer was an error or lost, or the participant is away."""
    DONE = "done", "done"
    REFUSED = "refused", "refused"
    """The participant refused."""
    PASSED_OVER = "passed_over", "passed over"
    """A step of best effort that failed: the run goes on. It may have taken effect where an attempt is not forgiven."""
    IN_DOUBT = "in_doubt", "in doubt"
    """The attempts are spent, and it is unknown whether the step took effect."""
    UNDO_DUE = "undo_due", "to be undone"
    UNDOING = "undoing", "being undone"
    UNDO_WAITING = "undo_waiting", "waiting to retry the undo"
    UNDONE = "undone", "undone"
    UNDO_FAILED = "undo_failed", "undo failed"
    """The undo was refused, or its attempts are spent. An operator must act."""


class Step(models.Model):
    """One step of a run: a row per declared step, copied when the run started. See `declare.step.Step`."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="steps", db_index=False)  # saga_step_position
    position = models.SmallIntegerField()
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=12, choices=StepStatus.choices, default=StepStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    undo_attempts = models.PositiveIntegerField(default=0)
    forgiven = models.PositiveIntegerField(
        default=0, help_text="Attempts of the current direction that were surely not applied and count for nothing."
    )
    granted = models.PositiveIntegerField(default=0, help_text="Attempts that operators added to the budget.")
    own_failures = models.PositiveIntegerField(
        db_default=0, help_text="Attempts that failed by our own fault; they are granted anew."
    )
    token = models.UUIDField(null=True, help_text="Fences the attempt in hand: a stale token's write fails.")
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    woken = models.BooleanField(
        db_default=False, help_text="Woken while a worker had it in hand: should it have to wait, then not for long."
    )
    result = models.JSONField(null=True)
    carried_from = models.UUIDField(
        null=True, help_text="The run that carried it out, where this one was begun at a later step."
    )
    error_class = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error_text = models.TextField(blank=True)

    class Meta:
        db_table = "saga_step"
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "position"], name="saga_step_position")]

    def __str__(self) -> str:
        return self.name
