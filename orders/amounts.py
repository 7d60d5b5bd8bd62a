"""Columns of money. An amount is kept with as many decimals as its currency has, so that it reads as a price does."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import CheckConstraint, Q

from .money import CURRENCIES, exact

CHOICES = [(code, code) for code in CURRENCIES]
LARGEST = {"max_digits": 13, "decimal_places": 3}


if TYPE_CHECKING:
    DecimalBase = models.DecimalField[Decimal | int | str, Decimal]
else:  # Django's own classes take no type arguments
    DecimalBase = models.DecimalField


class AmountField(DecimalBase):
    """A decimal in the currency of its row, which `currency` names. Raises ValueError for a part of a minor unit.

    PostgreSQL keeps the decimals that were written: 149.00 EUR, 149 JPY, 149.000 KWD. A bulk `update` writes its value
    as it is given.
    """

    def __init__(self, *args: Any, currency: str = "currency", **options: Any) -> None:
        self.currency = currency
        super().__init__(*args, **{**LARGEST, **options})

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, {**options, "currency": self.currency}

    def db_type(self, connection: Any) -> str:
        return "numeric"

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, Decimal | int | str):
            value = exact(Decimal(value), str(attrgetter(self.currency)(model_instance)))
            setattr(model_instance, self.attname, value)
        return value


def currency_field(**options: Any) -> models.CharField[Any, Any]:
    """Three letters, ISO 4217."""
    return models.CharField(max_length=3, choices=CHOICES, **options)


def known(of: str, codes: Sequence[str] = tuple(CURRENCIES)) -> CheckConstraint:
    """The database refuses a currency whose minor units the code does not know. `of` names the rows."""
    return CheckConstraint(condition=Q(currency__in=sorted(codes)), name=f"{of}_currency_known")
