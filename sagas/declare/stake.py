"""The value at stake in a run, which operators see beside what needs them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ..errors import SagaDeclarationError

LONGEST_CURRENCY = 8  # characters
LARGEST = Decimal(10) ** 16
"""What one run can have at stake is less."""
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Stake:
    """So much of a currency, in its major unit: `Stake(Decimal("12.50"), "EUR")`.

    Raises SagaDeclarationError for an amount that is no Decimal, is not finite or has more than 4 decimals, and for a
    currency that is empty or longer than 8 characters.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        amount = self.amount
        if not isinstance(amount, Decimal) or not amount.is_finite():
            raise SagaDeclarationError(f"A stake is a Decimal, in the major unit of its currency, not {amount!r}.")
        if amount != round(amount, DECIMALS):
            raise SagaDeclarationError(f"A stake has at most {DECIMALS} decimals, not {amount}: round it.")
        if not 0 < len(self.currency) <= LONGEST_CURRENCY:
            raise SagaDeclarationError(f"A currency is a code such as EUR, not {self.currency!r}.")
