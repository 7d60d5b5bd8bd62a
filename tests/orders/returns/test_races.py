"""Races over two real connections: what comes back never exceeds what was ordered, and the loser is told."""

from __future__ import annotations

import threading

import pytest
from django.db import connections, transaction

from orders.lifecycle import payment, status
from orders.locks import lock_order
from orders.models import Order
from orders.placing.place import place_order
from orders.returns.errors import ReturnRefused
from orders.returns.models import Return, ReturnLine
from orders.returns.services import Requested, refund_failed, request_return
from orders.returns.status import note_refund
from sagas.models import Run
from tests.concurrency.test_sagas import at_once

from .conftest import wanted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(wish) -> Order:
    placed = place_order(wish, idempotency_key="k1").order
    with transaction.atomic():
        payment.note_charge(placed.pk, "pi_1", 16600)
        status.confirm_order(placed.pk, "TRK0000000001")
    placed.refresh_from_db()
    return placed


@pytest.mark.parametrize("round_", range(6))
def test_of_two_tabs_that_return_the_same_pieces_one_wins_and_the_other_is_told(order, round_):
    tabs = [lambda key=key: request_return(order.pk, wanted(mug=2), idempotency_key=key) for key in ("a", "b")]
    results = at_once(*tabs)
    (won,) = [one for one in results if isinstance(one, Requested)]
    (told,) = [one for one in results if isinstance(one, ReturnRefused)]
    assert told.errors == {"lines.mug": ["Mug: all of it is being returned already."]}
    assert Return.objects.get() == won.returned
    assert sum(ReturnLine.objects.values_list("quantity", flat=True)) == 2


def test_a_double_click_makes_one_return_and_one_run(order):
    first, second = at_once(*[lambda: request_return(order.pk, wanted(mug=1), idempotency_key="a")] * 2)
    assert sorted([first.created, second.created]) == [False, True]
    assert first.returned == second.returned
    assert Run.objects.filter(name="return").count() == 1


def test_a_return_waits_for_whoever_holds_the_order(order):
    results: list[Requested] = []

    def ask() -> None:
        results.append(request_return(order.pk, wanted(mug=1), idempotency_key="a"))
        connections.close_all()

    second = threading.Thread(target=ask)
    with transaction.atomic():
        lock_order(order.pk)
        second.start()
        second.join(0.3)
        assert second.is_alive(), "the return was accepted without the order's lock"
    second.join(10)
    assert results[0].created


def test_a_failed_refund_reported_twice_at_once_is_one_case(order):
    returned = request_return(order.pk, wanted(mug=1), idempotency_key="a").returned
    with transaction.atomic():
        note_refund(returned.pk, "re_1")
    assert at_once(*[lambda: refund_failed("re_1", "why")] * 4) == [True] * 4
    assert Run.objects.filter(name="failed_refund").count() == 1
