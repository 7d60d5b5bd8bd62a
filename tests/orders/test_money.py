"""Amounts of any currency: exact both ways, shown with its own decimals, within what a card can pay."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders.money import CURRENCIES, exact, figure, major_units, minor_units, shown, why_not


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "text"),
    [
        ("12.5", "EUR", 1250, "12.50 EUR"),
        ("1250", "JPY", 1250, "1250 JPY"),
        ("12.5", "KWD", 12500, "12.500 KWD"),
        ("0", "JPY", 0, "0 JPY"),
    ],
)
def test_an_amount_is_the_same_in_either_unit(amount: str, currency: str, minor: int, text: str) -> None:
    assert minor_units(Decimal(amount), currency) == minor
    assert (major_units(minor, currency), shown(minor, currency)) == (Decimal(amount), text)
    assert f"{exact(Decimal(amount), currency)} {currency}" == text


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("0.0001", "KWD"), ("1", "XXX")])
def test_a_part_of_the_smallest_unit_and_an_unknown_currency_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=currency):
        minor_units(Decimal(amount), currency)


def test_a_foreign_currency_is_shown_as_the_processor_counts_it() -> None:
    assert shown(1250, "XXX") == "1250 minor units of XXX"


def test_a_price_reads_the_same_however_many_noughts_follow() -> None:
    assert {figure(Decimal(text)) for text in ("18.5", "18.50", "18.500")} == {"18.50"}
    assert figure(Decimal("5.125")) == "5.125"


@pytest.mark.parametrize("currency", CURRENCIES)
def test_each_currency_has_its_smallest_and_its_largest_charge(currency: str) -> None:
    rules = CURRENCIES[currency]
    assert why_not(Decimal(0), currency) == ""
    assert why_not(major_units(rules.least, currency), currency) == ""
    assert why_not(major_units(rules.most - rules.most % rules.step, currency), currency) == ""
    assert "The most that a card can pay" in why_not(major_units(rules.most + 1, currency), currency)
    if rules.least > 1:
        assert "The least that a card can pay" in why_not(major_units(rules.least - 1, currency), currency)


def test_the_last_digit_of_three_decimals_is_nought() -> None:
    assert "multiples of 0.010 KWD; this comes to 5.125 KWD" in why_not(Decimal("5.125"), "KWD")
