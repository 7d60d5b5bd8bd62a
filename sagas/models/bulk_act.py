"""An act on many runs."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class BulkAct(models.Model):
    """An act on every run that matches a filter, at a limited rate. Each run gets its own record in `Act`."""

    class State(models.TextChoices):
        RUNNING = "running", "being carried out"
        FINISHED = "finished", "finished"
        STOPPED = "stopped", "stopped"

    verb = models.CharField(max_length=20)
    given = models.JSONField(default=dict, help_text="What the verb takes beside its reason.")
    filter = models.JSONField(help_text="Which runs; read again at every single act.")
    reason = models.TextField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    rate = models.FloatField(help_text="Runs a second, at most.")
    total = models.PositiveIntegerField(help_text="How many runs matched when it was ordered.")
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    skips = models.JSONField(default=list, help_text="The first skipped runs, each with the reason.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    cursor = models.UUIDField(null=True, help_text="The last run that was looked at; runs are taken by id.")
    due_at = models.DateTimeField(help_text="When the next run may be taken.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "saga_bulk_act"
        verbose_name = "bulk act"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(state="running"), name="saga_bulk_act_due")
        ]

    def __str__(self) -> str:
        return f"{self.verb} of {self.total} by {self.actor_name}"
