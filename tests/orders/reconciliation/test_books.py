"""What does not agree between two books, case by case."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from orders.reconciliation.books import Difference, Ours, compare, compare_missing
from orders.reconciliation.processor import Theirs
from orders.reconciliation.wording import WHAT_TO_DO, explain

PAID = Ours(uuid4(), "S-1", "confirmed", "pi_1", 3700, 0, "EUR")
UNDONE = replace(PAID, status="cancelled", payment_intent="", charged=0)
CHARGED = Theirs("pi_1", "S-1", "succeeded", 3700, 0, "EUR", by_us=True)
LET_GO = replace(CHARGED, status="canceled", charged=0)
DECLINED = replace(LET_GO, status="requires_payment_method")


def kind(found: Difference | None) -> str | None:
    return found.kind if found else None


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (PAID, CHARGED, None),
        (UNDONE, LET_GO, None),
        (UNDONE, DECLINED, None),
        (replace(PAID, refunded=700), replace(CHARGED, refunded=700), None),
        (PAID, replace(LET_GO, payment_intent="pi_0"), None),  # a hold that expired, and was made anew
        (UNDONE, CHARGED, "charged_differs"),
        (PAID, LET_GO, "charged_differs"),
        (PAID, replace(CHARGED, charged=3600), "charged_differs"),
        (PAID, replace(CHARGED, payment_intent="pi_2"), "charged_differs"),  # charged twice
        (None, CHARGED, "charged_without_order"),
        (None, LET_GO, None),
        (PAID, replace(CHARGED, refunded=3700), "refunded_differs"),
        (replace(PAID, refunded=700), CHARGED, "refunded_differs"),
        (PAID, replace(CHARGED, currency="USD"), "currency_differs"),
        (UNDONE, replace(LET_GO, status="requires_capture"), "still_held"),
        (UNDONE, replace(LET_GO, status="requires_action"), "still_held"),
        (PAID, replace(LET_GO, payment_intent="pi_0", status="requires_capture"), "still_held"),
    ],
)
def test_a_payment_is_compared_with_its_order(ours, theirs, expected):
    assert kind(compare(ours, theirs)) == expected


@pytest.mark.parametrize("status", ["processing", "cancelling", "needs_attention"])
def test_an_order_that_is_not_settled_is_left_for_later(status):
    assert compare(replace(UNDONE, status=status), CHARGED) is None
    assert compare_missing(replace(PAID, status=status), None) is None


def test_a_payment_that_names_no_order_is_none_of_ours():
    assert compare(None, replace(CHARGED, order_number="")) is None


@pytest.mark.parametrize("ours", [None, UNDONE, PAID], ids=["no such order", "undone", "paid otherwise"])
def test_a_payment_of_another_shop_with_our_number_is_none_of_ours(ours):
    assert compare(ours, replace(CHARGED, by_us=False, payment_intent="pi_theirs")) is None


def test_a_payment_from_before_there_was_an_identity_is_ours_by_its_id():
    assert kind(compare(PAID, replace(CHARGED, by_us=False, charged=1000))) == "charged_differs"


def test_a_charge_that_they_do_not_know():
    found = compare_missing(PAID, None)
    assert found == Difference("charged_differs", "S-1", "pi_1", 3700, 0, "EUR")
    assert compare_missing(PAID, CHARGED) is None


def test_a_case_is_known_by_what_differs():
    first, again, other = (
        compare(UNDONE, one) for one in (CHARGED, CHARGED, replace(CHARGED, charged=1, payment_intent="pi_1"))
    )
    assert first
    assert again
    assert other
    assert first.key == again.key != other.key


@pytest.mark.parametrize("ours", [UNDONE, replace(UNDONE, payment_intent="pi_1", charged=3700), None])
def test_what_was_charged_by_mistake_and_given_back_at_the_processor_agrees(ours):
    assert compare(ours, replace(CHARGED, refunded=3700)) is None
    assert compare(ours, replace(CHARGED, refunded=3600)) is not None


def test_another_currency_is_told_with_both():
    found = compare(PAID, replace(CHARGED, currency="USD"))
    assert found
    assert "charged 37.00 EUR, the card processor's say 37.00 USD" in explain(found)


@pytest.mark.parametrize("kind", WHAT_TO_DO)
def test_every_kind_says_what_each_side_says_and_what_to_do(kind):
    text = explain(Difference(kind, "S-1", "pi_1", 3700, 1200, "EUR"))
    assert "S-1" in text
    assert "pi_1" in text
    assert "Retry now" in text
