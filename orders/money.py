"""Amounts: decimals in the shop, whole minor units (cents) on the way to others."""

from __future__ import annotations

from decimal import Decimal


def minor_units(amount: Decimal) -> int:
    """12.50 → 1250. For the currencies of `models.Currency`, which all have two decimals."""
    return int(amount.scaleb(2).to_integral_exact())


def major_units(amount: int) -> Decimal:
    """1250 → 12.50; the other way."""
    return Decimal(amount).scaleb(-2)
