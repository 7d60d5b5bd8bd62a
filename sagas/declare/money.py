"""Marks a field as an amount of money, so that people are asked for it as money. No Django."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class MinorUnits:
    """An int that is an amount in the smallest unit of a currency: `Annotated[int, MinorUnits(decimals_of)]`.

    A value stays a plain int, in JSON too.
    """

    decimals: Callable[[str], int]
    """The decimals of a currency, by its code: 2 for EUR, 0 for JPY. It raises ValueError, in words, for an unknown
    one."""
    currency: str = "currency"
    """The field that names the currency: one beside the amount, or else one of the run's input."""

    def minor(self, amount: Decimal, currency: str) -> int:
        """89.00 EUR → 8900. Raises ValueError for a part of the smallest unit, and for an unknown currency."""
        decimals = self.decimals(currency)
        scaled = amount.scaleb(decimals)
        if scaled != (whole := int(scaled)):
            written = (
                f"{decimals} decimals, such as {Decimal(10**decimals).scaleb(-decimals)}" if decimals else "no decimals"
            )
            raise ValueError(f"{amount} {currency} has a part of the smallest unit: {currency} has {written}.")
        return whole

    def major(self, amount: int, currency: str) -> Decimal:
        """8900 EUR → 89.00. Raises ValueError for an unknown currency."""
        return Decimal(amount).scaleb(-self.decimals(currency))

    def shown(self, amount: int, currency: str) -> str:
        """`89.00 EUR`; `8900 minor units of XXX` for a currency that nobody here can scale."""
        try:
            return f"{self.major(amount, currency)} {currency}"
        except ValueError:
            return f"{amount} minor units of {currency or 'an unknown currency'}"
