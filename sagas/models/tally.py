"""What has ended, counted."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Tally(models.Model):
    """How many runs or attempts ended alike within a minute, an hour, or ever, and how long they took.

    `maintenance/tally.py` adds to it; metrics and charts read it instead of the runs. Pruned runs stay counted.
    """

    class Kind(models.TextChoices):
        RUN = "run", "runs"
        STEP = "step", "attempts of a step"
        UNDO = "undo", "attempts of an undo"
        LAG = "lag", "how long the oldest unpublished message had waited"

    class Span(models.IntegerChoices):
        """Seconds that a row covers."""

        EVER = 0, "ever"
        MINUTE = 60, "minute"
        HOUR = 3600, "hour"

    span = models.PositiveIntegerField(choices=Span.choices)
    at = models.DateTimeField(help_text="When the minute or hour began; 1970 for what counts ever.")
    kind = models.CharField(max_length=4, choices=Kind.choices)
    saga = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=100, blank=True, help_text="The step, or the destination whose lag it is.")
    outcome = models.CharField(max_length=12, blank=True, help_text="The run's status, or the attempt's outcome.")
    count = models.BigIntegerField()
    retries = models.BigIntegerField(help_text="Of the attempts, those that were not the first of their step.")
    seconds = models.FloatField(help_text="The sum of what they took.")
    buckets = ArrayField(models.BigIntegerField(), help_text="How many took up to each bound, and how many longer.")
    last_at = models.DateTimeField(help_text="When the last of them ended.")

    class Meta:
        db_table = "saga_tally"
        verbose_name_plural = "tallies"
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["span", "at", "kind", "saga", "name", "outcome"], name="saga_tally_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind} {self.saga} {self.name} {self.outcome}"


class TallyMark(models.Model):
    """How far the tally has come: one row, locked by whoever tallies, and moved by the transaction that adds."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    attempt = models.BigIntegerField(help_text="Attempts up to this id are counted, or listed in TallyWait.")
    runs_from = models.DateTimeField(help_text="Runs that ended from this minute on are compared with what is counted.")
    at = models.DateTimeField(help_text="When it was moved.")

    class Meta:
        db_table = "saga_tally_mark"
        default_permissions = ()

    def __str__(self) -> str:
        return f"up to {self.attempt}"


class TallyWait(models.Model):
    """An attempt that was not over, or not committed, when the tally came to it: it is looked at again."""

    attempt = models.BigIntegerField(primary_key=True)
    since = models.DateTimeField()

    class Meta:
        db_table = "saga_tally_wait"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.attempt)
