"""A report against the saga's own answer: the capture is in a worker's hands when the report of it arrives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from orders.models import Order
from sagas.models import Act

from .bank import Bank, Held
from .driving import carry, step_of
from .posting import event, post

pytestmark = pytest.mark.django_db(transaction=True)
CAPTURE = "capture_payment"


def worker(order: Order) -> Order:
    """Carries the order in a thread of its own, on a connection of its own."""
    try:
        return carry(order)
    finally:
        connection.close()


@pytest.mark.parametrize("lost", [0, 1], ids=["the answer arrives", "the answer is lost"])
def test_the_report_and_the_answer_charge_once_and_go_on_once(order: Order, bank: Bank, lost: int) -> None:
    captured = Held()
    bank.answers_lost = lost
    bank.meanwhile = captured
    with ThreadPoolExecutor(1) as pool:
        carrying = pool.submit(worker, order)
        captured.wait_until_reached()
        bank.meanwhile = lambda: None
        assert post(event("payment_intent.succeeded", order.number)).status_code == 200
        with ThreadPoolExecutor(1) as second:
            second.submit(worker, Order.objects.get(pk=order.pk)).result(20)
        captured.release()
        carrying.result(20)
    assert carry(order).status == "confirmed"
    assert bank.charges == 1
    assert step_of(order, CAPTURE)[0] == "done"
    assert step_of(order, CAPTURE)[1] <= 2
    assert not Act.objects.exists()
