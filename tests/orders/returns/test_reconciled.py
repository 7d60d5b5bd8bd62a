"""The nightly comparison with the card processor knows what was given back for returns."""

from __future__ import annotations

import pytest

from orders.models import Order
from orders.reconciliation.books import Ours, compare, ours_of
from orders.reconciliation.processor import Theirs
from orders.returns import status

from .conftest import Ask

pytestmark = pytest.mark.django_db


def ours(order: Order) -> Ours:
    return ours_of([order.number])[order.number]


def theirs(order: Order, refunded: int) -> Theirs:
    return Theirs("pi_1", order.number, "succeeded", 16600, refunded, "EUR", by_us=True)


def test_a_refund_of_the_banks_stands_in_both_books(order: Order, ask: Ask) -> None:
    assert compare(ours(order), theirs(order, 0)) is None
    for key, pieces in (("r1", {"mug": 1}), ("r2", {"lamp": 1})):
        returned = ask(key=key, **pieces)
        status.note_refund(returned.pk, f"re_{key}")
        status.mark_refunding(returned.pk)
        assert compare(ours(order), theirs(order, 9999)) is None, "not while a return is on its way"
        status.mark_done(returned.pk)
    assert compare(ours(order), theirs(order, 14750)) is None
    assert compare(ours(order), theirs(order, 1850)) is not None


def test_what_was_paid_another_way_is_none_of_the_processors(order: Order, ask: Ask) -> None:
    returned = ask(mug=1)
    status.mark_refunding(returned.pk)
    status.note_refund(returned.pk, "")
    status.mark_done(returned.pk)
    assert compare(ours(order), theirs(order, 0)) is None
