"""An order that comes to nothing is confirmed without the bank, whichever way it is carried; too little is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import stripe
from django.core.mail import EmailMessage
from django.test import Client

from orders import wording
from orders.coordination.choose import capture_of
from orders.models import Order, Product
from orders.participants import carrier, warehouse
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.presentation.timeline import Timeline
from orders.returns.errors import ReturnRefused
from orders.returns.models import Return
from orders.returns.sagas import returning
from orders.returns.services import request_return
from outbox.models import OutboxMessage
from outbox.testing import drain
from sagas.errors import Refused
from sagas.participants.breaker import open_by_hand
from sagas.testing import given_run
from tests.orders.returns.conftest import wanted
from tests.orders.webhooks.driving import carry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank is away, and whoever asks it fails; warehouse and carrier do as they are asked."""

    def asked(*_: Any) -> None:
        raise AssertionError("the bank was asked")

    monkeypatch.setattr(stripe, "StripeClient", asked)
    open_by_hand("payments", "away")
    monkeypatch.setattr(warehouse, "reserve", lambda *_, key, **__: warehouse.Reservation(key, "reserved", ()))
    monkeypatch.setattr(warehouse, "release", lambda *_, **__: None)
    monkeypatch.setattr(warehouse, "commit", lambda *_, key, **__: warehouse.Reservation(key, "committed", ()))
    monkeypatch.setattr(warehouse, "take_back", lambda *_, key, **__: warehouse.Restock(key, "shelved"))
    monkeypatch.setattr(carrier, "book", lambda *_, key, **__: carrier.Booking(key, "label", "booked"))
    monkeypatch.setattr(carrier, "cancel", lambda *_, **__: None)
    monkeypatch.setattr(carrier, "dispatch", lambda *_, key, **__: carrier.Parcel(key, "SC-1"))
    monkeypatch.setattr(carrier, "recall", lambda *_, **__: carrier.Recall("SC-1", "stopped"))


@pytest.fixture(params=["saga", "choreography"])
def gift(products: dict[str, Product], request: pytest.FixtureRequest) -> PlaceOrder:
    """Two catalogues, which cost nothing."""
    Product.objects.create(sku="catalogue", name="Catalogue", price=0, available=9)
    return PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("catalogue", 2),), request.param)


def test_a_free_order_is_confirmed_though_the_bank_is_away(gift: PlaceOrder, mailoutbox: list[EmailMessage]) -> None:
    order = carry(place_order(gift, idempotency_key="k1").order)
    assert (order.status, order.charged, order.payment_intent) == ("confirmed", 0, "")
    assert wording.charge(order, capture_of(order)) == "There is nothing to pay."
    titles = [step.title for step in Timeline.of(order).steps]
    assert not [title for title in titles if "ayment" in title]
    drain()
    assert len(mailoutbox) == 2
    for letter in mailoutbox:
        assert "nothing to pay" in letter.body
        assert "charged" not in letter.body


def test_a_free_order_that_is_refused_is_undone_though_the_bank_is_away(
    gift: PlaceOrder, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        raise Refused("no_capacity")

    monkeypatch.setattr(carrier, "book", refuses)
    order = carry(place_order(gift, idempotency_key="k1").order)
    assert (order.status, order.status_reason) == ("cancelled", "no_capacity")
    drain()
    assert "There was nothing to pay." in mailoutbox[-1].body


def test_what_was_free_comes_back_and_pays_nothing(gift: PlaceOrder, mailoutbox: list[EmailMessage]) -> None:
    order = carry(place_order(gift, idempotency_key="k1").order)
    returned = request_return(order.pk, wanted(catalogue=2), idempotency_key="r1").returned
    given_run(returning, key=returned.saga_key).calling_participants().expect_completed()
    returned.refresh_from_db()
    assert (returned.status, returned.amount, returned.refund_id) == ("done", Decimal(0), "")
    drain()
    assert mailoutbox[-1].subject == f"Your return {returned.number} is taken back"
    assert "It was free: there is nothing to refund." in mailoutbox[-1].body
    page = Client().get(f"/orders/{order.pk}/").content.decode()
    assert "It was free: there is nothing to refund." in page
    assert "was refunded" not in page


def test_a_free_line_of_a_paid_order_comes_back_and_pays_nothing(gift: PlaceOrder) -> None:
    wish = replace(gift, lines=(*gift.lines, OrderedLine("mug", 1)))
    order = place_order(wish, idempotency_key="k1").order
    Order.objects.filter(pk=order.pk).update(status="confirmed", charged=1850, payment_intent="pi_1")
    assert request_return(order.pk, wanted(catalogue=1), idempotency_key="r1").returned.amount == 0
    with pytest.raises(ReturnRefused):
        request_return(order.pk, wanted(catalogue=2), idempotency_key="r2")
    assert Return.objects.count() == 1


@pytest.mark.parametrize(("price", "quantity", "words"), [("0.24", 2, "least"), ("99999.99", 99, "most")])
def test_what_no_card_can_pay_is_refused_at_placing_on_site_and_api(
    products: dict[str, Product], client: Client, price: str, quantity: int, words: str
) -> None:
    Product.objects.create(sku="odd", name="Odd", price=price, available=9)
    wish = {
        "email": "ann@example.com",
        "payment_method": "pm_card_visa",
        "lines": [{"sku": "odd", "quantity": quantity}],
    }
    headers = {"Idempotency-Key": "k1"}
    answer = client.post("/api/orders", json.dumps(wish), content_type="application/json", headers=headers)
    assert answer.status_code == 400
    [said] = answer.json()["errors"]["total"]
    assert said.startswith(f"The {words} that a card can pay is ")
    assert said.endswith("Nothing was ordered.")
    form = {"token": "0" * 32, "email": "ann@example.com", "payment_method": "pm_card_visa", "quantity-odd": quantity}
    page = client.post("/checkout", form)
    assert said in page.content.decode()
    assert not Order.objects.exists()
    assert not OutboxMessage.objects.exists()
