"""A list of runs that a person keeps."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """Filters, search and order of the run list under a name. Only `desk/saved_views.py` writes it.

    It goes with its owner, also when it is shared.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True, help_text="The list's query, in the order of its fields.")
    shared = models.BooleanField(default=False, help_text="Whether all who may see runs see it.")

    class Meta:
        db_table = "saga_saved_view"
        verbose_name = "saved view"
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "name"], name="saga_saved_view_once")]
        indexes: ClassVar = [
            models.Index(fields=["name"], condition=models.Q(shared=True), name="saga_saved_view_shared")
        ]
        permissions: ClassVar = [("share_savedview", "Can share saved views of the run list")]

    def __str__(self) -> str:
        return self.name
