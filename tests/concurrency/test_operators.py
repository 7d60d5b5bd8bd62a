"""Operators, the sweep and the watchdog at one order at the same moment, over two real connections."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import transaction
from django.test import Client
from django.urls import reverse

from orders.choreography import turning, watchdog
from orders.locks import lock_product, save_product
from orders.models import Journey, Product
from sagas import desk, sql
from sagas.engine import executor
from sagas.engine.continuation import STOP
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Act, Run
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import link

from .carried import ByEvents, BySaga
from .meanwhile import Meanwhile

pytestmark = pytest.mark.django_db(transaction=True)
by_saga = pytest.mark.parametrize("placed", [BySaga], indirect=True)
by_events = pytest.mark.parametrize("placed", [ByEvents], indirect=True)


@pytest.fixture
def ann():
    return get_user_model().objects.create_superuser("ann", password="x")


@pytest.fixture
def operator(ann):
    client = Client()
    client.force_login(ann)
    return client


def said(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@by_saga
def test_a_sweep_passes_over_the_run_that_an_operator_has_in_hand(carried, ann, monkeypatch):
    rung: list[object] = []
    monkeypatch.setattr("sagas.maintenance.sweep.send", rung.extend)
    Run.objects.update(wake_at=LONG_AGO)
    sweep = Meanwhile(ring_overdue)
    with transaction.atomic():
        desk.compensate(carried.run.pk, actor=ann, reason="the customer telephoned")
        assert sweep.does_not_wait() == 0
    assert not rung
    assert carried.end().status == "cancelled"


@by_saga
def test_an_operator_who_comes_while_the_sweep_rings_acts_after_it_and_the_ring_finds_nothing(carried, ann):
    """The sweep changes nothing that an operator saw, so that the decision stands; its chain is of yesterday then."""
    Run.objects.update(wake_at=LONG_AGO)
    seen = carried.run
    undo = lambda: desk.compensate(seen.pk, actor=ann, reason="no", row_version=seen.row_version)  # noqa: E731
    operator = Meanwhile(undo)
    with transaction.atomic():
        assert len(sql.SWEEP.rows({"batch": 10, "patience": 60.0, "passed": None, "since": None})) == 1
        operator.waits()
    operator.ends()
    assert operator.raised is None
    assert executor.run_step(link(seen, "capture_payment")) == STOP
    assert not carried.charged
    assert carried.end().status == "cancelled"


@by_events
def test_the_watchdog_passes_over_the_order_that_an_operator_has_in_hand(carried):
    Journey.objects.update(due_at=LONG_AGO, deadline_at=LONG_AGO)
    look = Meanwhile(watchdog.look)
    with transaction.atomic():
        assert turning.cancel_by_hand(carried.order.pk, "the customer telephoned")
        assert look.does_not_wait() == 0
    assert carried.end().status_reason == "compensated_by_hand"


@by_events
def test_an_operator_who_comes_while_the_watchdog_turns_the_order_is_told_that_nothing_was_done(carried, operator):
    Journey.objects.update(due_at=LONG_AGO, deadline_at=LONG_AGO)
    address = f"/admin/orders/order/{carried.order.pk}/undo/"
    second = Meanwhile(lambda: said(operator.post(address, {"reason": "no"})))
    with transaction.atomic():
        assert watchdog.look() == 1
        second.waits()
    assert second.ends() == ["Nothing was done: the capture was asked for, or the order has turned or ended."]
    assert carried.end().status_reason == "deadline"


@by_events
def test_of_two_operators_who_undo_one_order_the_second_is_told_that_nothing_was_done(carried, operator):
    address = f"/admin/orders/order/{carried.order.pk}/undo/"
    second = Meanwhile(lambda: said(operator.post(address, {"reason": "no"})))
    with transaction.atomic():
        assert turning.cancel_by_hand(carried.order.pk, "no")
        second.waits()
    assert second.ends() == ["Nothing was done: the capture was asked for, or the order has turned or ended."]


@by_saga
def test_of_two_operators_who_undo_one_run_the_second_is_told_that_it_is_not_as_they_saw_it(carried, ann, operator):
    run = carried.run
    form = {"run": f"{run.pk}:{run.row_version}", "reason": "no"}
    second = Meanwhile(lambda: said(operator.post(reverse("admin:sagas_desk", args=["compensate"]), form)))
    with transaction.atomic():
        desk.compensate(run.pk, actor=ann, reason="no", row_version=run.row_version)
        second.waits()
    assert "no longer as you saw it" in " ".join(second.ends())
    assert Act.objects.count() == 1


def test_an_operator_who_saves_a_product_that_another_one_saves_is_told_and_loses_nothing(wish, operator):
    mug = Product.objects.get(sku="mug")
    address = f"/admin/orders/product/{mug.pk}/change/"
    page = operator.get(address).content.decode()
    form = {"name": "Mug", "description": "", "image": "", "price": "17.00", "seen_version": hidden(page)}
    second = Meanwhile(lambda: operator.post(address, form))
    with transaction.atomic():
        first = lock_product(mug.pk)
        first.price = Decimal(20)
        save_product(first, ["price"])
        second.waits()
    answer = second.ends()
    words = answer.context["errors"].as_data()
    assert answer.status_code == 200
    assert "changed this product after you opened it. Now price is 20.00, you wrote 17.00." in str(words)
    mug.refresh_from_db()
    assert (mug.price, mug.version) == (Decimal(20), 2)
    again = form | {"seen_version": hidden(answer.content.decode())}
    assert operator.post(address, again).status_code == 302
    mug.refresh_from_db()
    assert (mug.price, mug.version) == (Decimal(17), 3)


def test_an_edit_of_a_product_leaves_alone_what_the_warehouse_wrote_meanwhile(wish, operator):
    mug = Product.objects.get(sku="mug")
    address = f"/admin/orders/product/{mug.pk}/change/"
    form = {"name": "Mug", "description": "", "image": "", "price": "17.00", "seen_version": "1"}
    second = Meanwhile(lambda: operator.post(address, form))
    with transaction.atomic():
        Product.objects.filter(pk=mug.pk).update(available=3)
        second.waits()
    assert second.ends().status_code == 302
    mug.refresh_from_db()
    assert (mug.price, mug.available) == (Decimal(17), 3)


def hidden(page: str) -> str:
    found = re.search(r'name="seen_version" value="(\d+)"', page)
    assert found
    return found[1]
