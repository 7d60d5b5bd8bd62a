"""The same order as a saga, its worker killed with SIGKILL at the same point: nobody waits for it."""

from __future__ import annotations

import pytest

from sagas.models import Run, Step
from tests.support.sagas.driver import begin, carry
from tests.support.workers import process_env, until
from tests.twophase.contenders import Saga
from tests.twophase.databases import SHOP, SHOP_TABLES, STOCK, Databases, cursor_on
from tests.twophase.host import participants
from tests.twophase.host.sagas import LabOrder, lab_order
from tests.twophase.order import DECIDED, Order
from tests.twophase.watch import Locks, Orders

from .conftest import PIECES, QUICK


@pytest.fixture
def lab(transactional_db, databases, monkeypatch):
    """The engine's tables and the shop's in the test's database, as the product has them in one; the stock apart."""
    lab = Databases(process_env()["DATABASE_URL"], databases.stock)
    with cursor_on(lab.shop) as cursor:
        cursor.execute(SHOP_TABLES)
    for name, value in {SHOP: lab.shop, STOCK: lab.stock, **QUICK.as_environment()}.items():
        monkeypatch.setenv(name, value)
    yield lab
    participants.hang_up()
    with cursor_on(lab.shop) as cursor:
        cursor.execute("DROP TABLE lab_order, lab_payment, lab_death")


@pytest.fixture
def workers(lab, tmp_path):
    saga = Saga(2)
    saga.start({**process_env(), **lab.as_environment()}, tmp_path)
    yield saga
    saga.stop()


@pytest.fixture
def eyes(lab):
    orders, locks = Orders(lab), Locks(lab)
    yield orders, locks
    orders.close()
    locks.close()


def rows(url, statement):
    with cursor_on(url) as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_the_next_order_of_the_product_is_done_while_the_killed_one_still_waits_for_its_lease(workers, eyes):
    orders, locks = eyes
    for number, dies_at in (("first", DECIDED), ("second", "")):
        orders.expect(number)
        workers.place(Order(number, "vase", dies_at))
        if dies_at:
            until(workers.has_died, 60, what="the worker is killed")
    until(lambda: orders.count(["second"]), what="the second order is done")
    assert orders.count(["first"]) == 0
    assert Step.objects.get(run__key="lab:first", name="capture_payment").lease_until
    assert (locks.look(), locks.rows, locks.waiting) == (0, 0, 0)


def test_an_order_takes_one_piece_and_one_payment(lab):
    run = carry(begin(lab_order, LabOrder("first", "vase")))
    assert run.status == "completed"
    assert rows(lab.shop, "SELECT number, status FROM lab_order") == [("first", "confirmed")]
    assert rows(lab.shop, "SELECT number, status FROM lab_payment") == [("first", "captured")]
    assert rows(lab.stock, "SELECT number, status FROM lab_reservation") == [("first", "committed")]
    assert rows(lab.stock, "SELECT on_hand FROM lab_stock WHERE sku = 'vase'") == [(PIECES - 1,)]


def test_an_order_that_finds_no_piece_is_undone(lab):
    lab.fill(["vase"], 0)
    assert carry(begin(lab_order, LabOrder("first", "vase"))).status == "compensated"
    assert rows(lab.shop, "SELECT number, status FROM lab_payment") == [("first", "void")]
    assert rows(lab.stock, "SELECT on_hand FROM lab_stock") == [(0,)]
    assert Run.objects.count() == 1
