"""Workers killed and answers lost while orders come back: the money is given back once, and the goods counted once.

A choice of the gaps: those in which something was applied or written, and nobody was told.
"""

from __future__ import annotations

import uuid

import pytest
from django.test import TransactionTestCase

from config.local.ledger_check import ledgers_of
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.returns.models import Return
from orders.returns.sagas import returning
from orders.returns.services import request_return
from orders.returns.validation import ReturnWish
from sagas.models import Run
from sagas.testing import Crashes, crash_points
from tests.conftest import empty_all_tables
from tests.support.workers import Programs, until

from .test_every_gap import addresses, empty, start_processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
CHOSEN = {
    *(f"run-refund_payment-{gap}" for gap in ("after_call", "before_commit", "after_commit", "answer_lost")),
    *("run-take_back_stock-after_call", "run-owe_refund-before_commit", "run-tell_customer-before_commit"),
    *("undo-take_back_stock-after_call", "undo-recall_parcel-after_call", "run-doubled", "undo-doubled"),
}
POINTS = [point for point in crash_points(returning) if str(point) in CHOSEN]


@pytest.fixture(scope="module")
def crashes(django_db_setup, django_db_blocker, standins_process, tmp_path_factory):
    """Orders that were delivered, and all their returns, carried to their ends by workers that die on the way."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: None)  # the runs are looked at by each
        empty()
        standins_process.set_stock("mug-slate", 10_000)
        begun = Crashes(tmp_path_factory.mktemp("plans"))
        programs = Programs(tmp_path_factory.mktemp("logs"))
        orders = [place() for _ in POINTS]
        start_processes(programs, {**begun.environment, **addresses(standins_process.url, in_place="1")})
        confirmed = Order.objects.filter(status="confirmed")
        until(lambda: confirmed.count() == len(orders), 60, what="all orders are on their way")
        begun.begin(POINTS, lambda: send_back(orders.pop()))
        begun.settle(seconds=120)
        yield begun
        programs.stop()
        empty_all_tables(None)


def place() -> Order:
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug-slate", 2),))
    return place_order(wish, idempotency_key=uuid.uuid4().hex).order


def send_back(order: Order) -> uuid.UUID:
    wish = ReturnWish((OrderedLine("mug-slate", 2),))
    returned = request_return(order.pk, wish, idempotency_key="r1").returned
    return Run.objects.get(name="return", key=returned.saga_key).pk


def test_the_chosen_gaps_are_gaps():
    assert {str(point) for point in POINTS} == CHOSEN


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_return_settles_and_the_books_agree(crashes, point, standins_process):
    def books_agree(run):
        returned = Return.objects.get(pk=run.key.removeprefix("return:"))
        order, refunded = returned.order, 0 if point.undo else 3700
        ledgers = ledgers_of(standins_process.url, order.number)
        assert ledgers.differences(order.status, 3700, refunded=refunded) == []
        assert ledgers.returned == (0 if point.undo else 1)
        assert returned.status == ("declined" if point.undo else "done")

    run = crashes.check(point, books_agree)
    assert run.status == ("compensated" if point.undo else "completed")
