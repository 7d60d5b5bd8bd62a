"""What a run waits for: a date, a signal, a person."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .run import Run


class Wait(models.Model):
    """A step that waits, or waited. A row of its own, so that the statements of the hot path know nothing of it."""

    class Kind(models.TextChoices):
        TIMER = "timer", "a date"
        SIGNAL = "signal", "a signal"
        APPROVAL = "approval", "a person's answer"

    run = models.ForeignKey(Run, models.CASCADE, related_name="waits", db_index=False)  # saga_wait_run
    step = models.CharField(max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    words = models.TextField(blank=True, help_text="What is waited for, in the words of the declaration.")
    since = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="When it is over; empty for no limit.")
    remind_at = models.DateTimeField(null=True, help_text="When those who may answer are reminded.")
    reminded_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_wait"
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["run", "id"], name="saga_wait_run"),
            models.Index(
                fields=["since"], condition=models.Q(kind="approval", over_at=None), name="saga_wait_approvals"
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "step"], condition=models.Q(over_at=None), name="saga_wait_one_open")
        ]

    def __str__(self) -> str:
        return f"{self.step}, {self.get_kind_display()}"


class Signal(models.Model):
    """A signal that was sent to a run, or a person's answer. Kept until its step takes it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="signals", db_index=False)  # saga_signal_once
    name = models.CharField(max_length=100, help_text="The step that takes it.")
    sent_id = models.CharField(max_length=200, help_text="One that comes twice under it counts once.")
    payload = models.JSONField()
    at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_signal"
        default_permissions = ()
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "name", "sent_id"], name="saga_signal_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.sent_id}"
