"""A run that another run has started, and waits for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from .run import Run


class Child(models.Model):
    """Which run started this one, and at which of its steps. Of a parent's step each item has one child at most."""

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="parenthood")
    parent = models.ForeignKey(Run, models.CASCADE, related_name="children", db_index=False)  # saga_child_item
    step = models.CharField(max_length=100, help_text="The step of the parent that started it.")
    item = models.PositiveIntegerField(help_text="Which of the step's branches or items it carries out, from 0.")
    taken_back_at = models.DateTimeField(null=True, help_text="When its parent began to undo it after it completed.")

    class Meta:
        db_table = "saga_child"
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["parent", "step", "item"], name="saga_child_item")]

    def __str__(self) -> str:
        return f"{self.step} {self.item}"
