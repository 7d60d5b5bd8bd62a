"""Who looks after a run."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from .run import Run


class Handling(models.Model):
    """Who looks after a run, and until when it is out of sight. No row: nobody, and in sight.

    A row of its own, so that the engine's statements know nothing of it.
    """

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="handling")
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    snoozed_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga_handling"

    def __str__(self) -> str:
        return f"{self.run_id}"
