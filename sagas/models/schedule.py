"""A schedule's state, the history of its ticks, and the record of what people did with it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from .run import RunStatus


class Schedule(models.Model):
    """Where a declared schedule stands. Only `schedules/` writes it."""

    name = models.CharField(max_length=60, primary_key=True)
    cron = models.CharField(max_length=200, help_text="As when it was last looked at, and so is the next.")
    timezone = models.CharField(max_length=60)
    settled_until = models.DateTimeField(help_text="What becomes of every tick up to then is decided.")
    next_at = models.DateTimeField(null=True, help_text="Its next tick.")
    paused_at = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=200, blank=True)
    paused_reason = models.TextField(blank=True)
    trouble = models.TextField(blank=True, help_text="Why its last look failed; empty when it did not.")
    trouble_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(help_text="When it was first seen: its ticks begin then.")

    class Meta:
        db_table = "saga_schedule"
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("pause_schedule", "Can pause and resume schedules"),
            ("run_schedule", "Can start a schedule's run now"),
            ("backfill_schedule", "Can fill in ticks of the past"),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleAct(models.Model):
    """The record of what somebody did with a schedule; written in the act's own transaction."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="acts")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    verb = models.CharField(max_length=20)
    reason = models.TextField()
    at = models.DateTimeField()
    words = models.TextField(blank=True, help_text="What it did.")

    class Meta:
        db_table = "saga_schedule_act"
        ordering: ClassVar = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.verb} of {self.schedule_id} by {self.actor_name}"


class ScheduleTick(models.Model):
    """A tick, and what became of it; or a run that somebody started by hand. Pruned as runs are."""

    class Kind(models.TextChoices):
        TICK = "tick", "its time came"
        BACKFILL = "backfill", "filled in"
        BY_HAND = "by_hand", "by hand"

    class Outcome(models.TextChoices):
        WAITING = "waiting", "waits"
        """Its run is started when those before it have ended."""
        STARTED = "started", "started"
        SKIPPED = "skipped", "skipped"
        """No run: an earlier one had not ended, or the schedule was paused."""
        MISSED = "missed", "missed"
        """No run: it was seen too late, and a later one was started, or none."""
        WITHDRAWN = "withdrawn", "withdrawn"
        """No run: an operator took it back while it waited."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="history", db_index=False)
    at = models.DateTimeField(help_text="The tick; of a run by hand, when somebody started it.")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.TICK)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    reason = models.TextField(blank=True, help_text="Why no run was started.")
    run = models.UUIDField(null=True, help_text="The run; it may have been pruned.")
    recorded_at = models.DateTimeField(help_text="When that was decided.")
    started_at = models.DateTimeField(null=True)
    over_at = models.DateTimeField(null=True, help_text="When the end of the run was seen.")
    ended = models.CharField(max_length=12, choices=RunStatus.choices, blank=True, help_text="How the run ended.")
    act = models.ForeignKey(ScheduleAct, models.SET_NULL, null=True, related_name="ticks", db_index=False)

    class Meta:
        db_table = "saga_schedule_tick"
        verbose_name = "tick of a schedule"
        verbose_name_plural = "ticks of schedules"
        ordering: ClassVar = ["-at"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            # At the end of the statement: a test moves them all by one span.
            models.UniqueConstraint(
                fields=["schedule", "at"], name="saga_schedule_tick_once", deferrable=models.Deferrable.IMMEDIATE
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["schedule", "at"],
                condition=models.Q(outcome="waiting") | models.Q(outcome="started", over_at__isnull=True),
                name="saga_schedule_tick_live",
            ),
            models.Index(fields=["recorded_at"], name="saga_schedule_tick_recorded"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.at:%Y-%m-%d %H:%M} UTC"
