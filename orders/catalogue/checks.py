"""A product whose picture is gone is told of before a customer misses it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from ..models import Product, pictures

NAMED = 5  # products that the check names


@register(Tags.database)
def check_pictures(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Run by `migrate`, and by `check --database default`: a deploy may have taken a picture away."""
    table = Product._meta.db_table
    if not databases or "default" not in databases or table not in connections["default"].introspection.table_names():
        return []
    rows = Product.objects.exclude(image="").values_list("sku", "image")
    lost = [f"{sku} ({image})" for sku, image in rows if pictures.problem(image)]
    if not lost:
        return []
    shown = ", ".join(lost[:NAMED]) + (f" and {len(lost) - NAMED} more" if len(lost) > NAMED else "")
    hint = "Edit them in the admin, or bring the files back. Until then the shop shows them without a picture."
    return [Warning(f"Products whose picture is not among the static files: {shown}.", hint=hint, id="orders.W010")]
