"""The value at stake in several runs, by currency, in words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ..declare.stake import Stake


def total(stakes: Iterable[Stake]) -> tuple[Stake, ...]:
    """The stakes summed up by currency, the largest first."""
    sums: dict[str, Decimal] = {}
    for stake in stakes:
        sums[stake.currency] = sums.get(stake.currency, Decimal(0)) + stake.amount
    found = (Stake(amount, currency) for currency, amount in sums.items())
    return tuple(sorted(found, key=lambda stake: (-stake.amount, stake.currency)))


def money(stake: Stake) -> str:
    """`1,234.50 EUR`, `1,200 JPY`, `0.125 KWD`: a whole amount has no decimals, any other has two or more."""
    amount = stake.amount.normalize()
    if amount == amount.to_integral_value():
        return f"{amount:,.0f} {stake.currency}"
    return f"{amount if amount != round(amount, 2) else round(amount, 2):,f} {stake.currency}"
