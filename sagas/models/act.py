"""The record of what somebody did to a run."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Upper

from .run import Run


class Act(models.Model):
    """The record of what somebody, an operator or a customer, did to a run; written in the act's own transaction.

    The engine writes one, too, when it asks an operator about a run that it still retries, and when that is over.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="acts")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    verb = models.CharField(max_length=20)
    reason = models.TextField()
    at = models.DateTimeField()
    before = models.JSONField()
    after = models.JSONField()
    bulk = models.ForeignKey(
        "sagas.BulkAct", models.SET_NULL, null=True, related_name="acts", db_index=False
    )  # saga_act_bulk
    cause = models.CharField(
        max_length=201, blank=True, db_default="", help_text="Why the run needed a person: its step and code."
    )

    class Meta:
        db_table = "saga_act"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(Upper("actor_name"), "id", name="saga_act_actor"),
            models.Index(fields=["verb", "id"], name="saga_act_verb"),
            models.Index(fields=["bulk"], condition=models.Q(bulk__isnull=False), name="saga_act_bulk"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor_name}"
