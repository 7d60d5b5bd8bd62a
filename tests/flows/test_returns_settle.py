"""Returns through real workers, of orders that a saga carried and of orders that events carried."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from orders.models import Order
from orders.returns.models import Return
from outbox.models import InboxEntry
from tests.support.workers import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("coordination")]


def send_back(order: Order, **pieces: int) -> Return:
    """Ask for it by JSON."""
    lines = [{"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in pieces.items()]
    client = Client(headers={"Idempotency-Key": str(uuid.uuid4())})
    answer = client.post(f"/api/orders/{order.pk}/returns", {"lines": lines}, content_type="application/json")
    assert answer.status_code == 201, answer.content
    return Return.objects.get(pk=answer.json()["id"])


def settled(returned: Return) -> Return:
    def ended() -> bool:
        returned.refresh_from_db()
        return returned.status in ("done", "declined", "needs_attention")

    until(ended, 40, what=f"{returned.number} settles; it is {returned.status}")
    return returned


def test_an_order_comes_back_in_two_parts_whatever_gets_lost(stack):
    written = InboxEntry.objects.filter(subscriber="returns.email_returned")
    before = written.count()
    order = stack.settled(stack.place(lines=[("mug-slate", 2), ("lamp-arc", 1)]))
    for company, operation in (("carrier", "recall"), ("warehouse", "restock"), ("payments", "refund")):
        stack.standins.fault(company, operation=operation, kind="lose_answer", order=order.number, times=1)
    assert settled(send_back(order, mug_slate=1)).status == "done"
    stack.check_books(order)
    last = settled(send_back(order, mug_slate=1, lamp_arc=1))
    assert (last.status, last.parcel) == ("done", "stopped")
    stack.check_books(order)
    until(lambda: written.count() == before + 2, 20, what="both letters are written")


def test_a_disputed_charge_leaves_the_return_with_a_person(stack):
    order = stack.settled(stack.place())
    stack.standins.fault("payments", operation="refund", kind="refuse", code="charge_disputed", order=order.number)
    returned = settled(send_back(order, mug_slate=2))
    assert returned.status == "needs_attention"
    assert "If the dispute is lost" in returned.status_reason
    assert "One of us is looking at it." in Client().get(f"/orders/{order.pk}/").content.decode()
