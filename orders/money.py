"""Amounts: decimals in the shop, whole minor units (cents) on the way to others; and what can be paid by card.

Sources: https://docs.stripe.com/currencies, its sections "Zero-decimal currencies", "Three-decimal currencies" and
"Minimum and maximum charge amounts".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Rules:
    """How the card processor counts a currency. Amounts are in its minor units."""

    decimals: int = 2
    least: int = 50
    """The smallest charge. Stripe's own is that of the currency in which the account is paid out: where an account
    converts, a charge of this size may still be refused."""
    most: int = 99_999_999
    step: int = 1
    """Every amount is a multiple of it."""


THREE = Rules(decimals=3, least=10, step=10)
"""The last digit is 0. The processor names no smallest charge."""
CURRENCIES: dict[str, Rules] = {
    "EUR": Rules(),
    "GBP": Rules(least=30),
    "USD": Rules(),
    "AED": Rules(least=200),
    "AUD": Rules(),
    "BHD": THREE,
    "BRL": Rules(),
    "CAD": Rules(),
    "CHF": Rules(),
    "CZK": Rules(least=15_00),
    "DKK": Rules(least=2_50),
    "HKD": Rules(least=4_00),
    "JOD": THREE,
    "JPY": Rules(decimals=0, most=9_999_999_999),
    "KRW": Rules(decimals=0, least=1),
    "KWD": THREE,
    "MXN": Rules(least=10_00),
    "MYR": Rules(least=2_00),
    "NOK": Rules(least=3_00),
    "NZD": Rules(),
    "OMR": THREE,
    "PLN": Rules(least=2_00),
    "RON": Rules(least=2_00),
    "SEK": Rules(least=3_00),
    "SGD": Rules(),
    "THB": Rules(least=10_00),
    "TND": THREE,
}
"""What the shop can sell in. One that is missing here is refused by the database, too."""


def rules_of(currency: str) -> Rules:
    """Raises ValueError for a currency that is not in CURRENCIES."""
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise ValueError(f"{currency!r} is no currency that the shop knows: add it to orders/money.py.") from None


def decimals_of(currency: str) -> int:
    """2 for EUR, 0 for JPY. Raises ValueError as `rules_of`."""
    return rules_of(currency).decimals


def minor_units(amount: Decimal, currency: str) -> int:
    """12.50 EUR → 1250, 1250 JPY → 1250, 12.500 KWD → 12500. Raises ValueError for a part of a minor unit."""
    scaled = amount.scaleb(rules_of(currency).decimals)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{amount} {currency} is no whole number of its smallest unit.")
    return whole


def major_units(amount: int, currency: str) -> Decimal:
    """1250 EUR → 12.50; the other way."""
    return Decimal(amount).scaleb(-rules_of(currency).decimals)


def shown(amount: int, currency: str) -> str:
    """`3750, "EUR"` is 37.50 EUR. A currency that is not ours stays in minor units: nobody here can scale it."""
    if currency not in CURRENCIES:
        return f"{amount} minor units of {currency}"
    return f"{major_units(amount, currency)} {currency}"


def exact(amount: Decimal, currency: str) -> Decimal:
    """The amount with as many decimals as the currency has: 149 EUR is 149.00. Raises ValueError when it has more."""
    return major_units(minor_units(amount, currency), currency)


def figure(price: Decimal) -> str:
    """The same text for the same price, however many noughts follow."""
    return f"{price:.3f}".removesuffix("0")


def why_not(amount: Decimal, currency: str) -> str:
    """Why so much cannot be paid by card, for the customer; empty when it can. Nothing at all needs no card."""
    rules, minor = rules_of(currency), minor_units(amount, currency)
    if minor == 0:
        return ""
    comes_to = f"this comes to {shown(minor, currency)}."
    if minor < rules.least:
        return f"The least that a card can pay is {shown(rules.least, currency)}; {comes_to}"
    if minor > rules.most:
        return f"The most that a card can pay is {shown(rules.most, currency)}; {comes_to}"
    if minor % rules.step:
        return f"A card pays multiples of {shown(rules.step, currency)}; {comes_to}"
    return ""
