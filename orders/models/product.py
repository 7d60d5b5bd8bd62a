"""Something on sale."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from ..amounts import AmountField, currency_field, known
from . import pictures


class Product(models.Model):
    """Something on sale. The warehouse owns the stock; `available` is what it last told us."""

    sku = models.CharField("SKU", max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    price = AmountField()
    currency = currency_field(default="EUR")
    available = models.PositiveIntegerField(default=0, help_text="Pieces the warehouse could last promise.")
    image = models.CharField(max_length=200, blank=True, help_text="Path of a picture among the static files.")
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False, help_text="Counts operators' edits.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price_not_negative"),
            known("product"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError for a picture that no page could show."""
        if self.image and (wrong := pictures.problem(self.image)):
            raise ValidationError({"image": wrong})
