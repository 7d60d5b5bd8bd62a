"""Runs that share the workers: who waits for the turn of its share, and how far each share is."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .run import Run


class Ticket(models.Model):
    """The place of one run among those of its share. It is gone once nothing counts the run any more."""

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="ticket")
    share = models.CharField(max_length=100, blank=True, help_text="Empty: the runs that name no share.")
    line = models.CharField(
        max_length=301, blank=True, help_text="The saga and the key of its limit, should it have one for this run."
    )
    line_at_once = models.PositiveIntegerField(null=True, help_text="The most runs of the line at once.")
    priority = models.SmallIntegerField(default=0, help_text="Within a share higher ones go first.")
    let_in_at = models.DateTimeField(
        null=True, help_text="When a worker may have taken it first; empty while it waits."
    )
    is_limited = models.BooleanField(default=False, help_text="Counted against a limit, until the run has ended.")

    class Meta:
        db_table = "saga_ticket"
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(
                "share",
                "line",
                models.F("priority").desc(),
                "run",
                condition=models.Q(let_in_at=None),
                name="saga_ticket_waiting",
            ),
            models.Index(
                fields=["share", "line"], condition=models.Q(let_in_at__isnull=False), name="saga_ticket_let_in"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.share} {self.line}".strip()


class ShareTime(models.Model):
    """The virtual time of a share that is ahead of the others; the row named * holds that of all."""

    name = models.CharField(max_length=100, primary_key=True)
    passed = models.FloatField(help_text="Runs that it has begun, each divided by its weight, as of when it came.")

    class Meta:
        db_table = "saga_share_time"
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
