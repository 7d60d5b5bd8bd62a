"""That the books were compared, and what came of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Reconciliation(models.Model):
    """One comparison of our books with the card processor's."""

    since = models.DateTimeField(help_text="Payments made from then on were compared,")
    until = models.DateTimeField(help_text="up to but not including then.")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, help_text="Empty: it is under way, or it broke off.")
    payments = models.PositiveIntegerField(default=0, help_text="Payments of theirs that were read.")
    orders = models.PositiveIntegerField(default=0, help_text="Charged orders of ours that were looked up.")
    differences = models.PositiveIntegerField(default=0, help_text="What did not agree, known cases included.")
    disputes = models.PositiveIntegerField(default=0, help_text="Disputes that are open.")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Books from {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"
