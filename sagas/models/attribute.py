"""An attribute of a run: what people find it by."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.db import models

from .run import Run


class Attribute(models.Model):
    """A name and a value of one run, as the saga's `attributes` returned it. Either `text` or `number` is there."""

    pk = models.CompositePrimaryKey("run_id", "name")
    run = models.ForeignKey(Run, models.CASCADE, related_name="attributes", db_index=False)  # the primary key's
    name = models.CharField(max_length=50)
    text = models.CharField(  # noqa: DJ001 - no text is not the empty text
        max_length=200, null=True, db_collation="C", help_text="A text; a date as 2026-03-04; yes or no."
    )
    number = models.DecimalField(max_digits=30, decimal_places=10, null=True)

    class Meta:
        db_table = "saga_attribute"
        default_permissions = ()
        ordering: ClassVar = ["name"]
        indexes: ClassVar = [
            models.Index(
                fields=["name", "text", "run"], condition=models.Q(text__isnull=False), name="saga_attribute_text"
            ),
            models.Index(
                fields=["name", "number", "run"], condition=models.Q(number__isnull=False), name="saga_attribute_number"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"

    @property
    def value(self) -> str:
        """The value as people write it: `1250.5`, `2026-03-04`, `yes`."""
        return f"{Decimal(self.number).normalize():f}" if self.number is not None else str(self.text)
