"""Compensations that fail for good, and goods that others have bought: with the real stand-ins, told of an order that a
saga carries and of one that events carry."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.contrib.auth import get_user_model

from config.local.ledger_check import ledgers_of
from orders.choreography import turning
from orders.desk.advice import OUT_OF_STOCK, TOO_LATE
from orders.models import Order, Product
from orders.participants import payments, warehouse
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.sagas import checkout
from outbox.models import DeadLetter
from outbox.operations.requeue import requeue
from sagas import Refused, desk
from sagas.models import Run
from sagas.presentation.advice import advice_for
from sagas.testing import given_run
from tests.orders.choreography.driver import carry
from tests.orders.choreography.story import EventStory
from tests.orders.participants.standins.warehouse.caller import Caller
from tests.support.standins import Standins

pytestmark = pytest.mark.django_db
Act = Callable[[Run], object]


@pytest.fixture(params=["saga", "choreography"])
def order(standins: Standins, request: pytest.FixtureRequest) -> Order:
    """For the last piece of something that no other test orders."""
    sku = f"last-{uuid.uuid4().hex[:8]}"
    Product.objects.create(sku=sku, name="Lamp", price=Decimal("129.00"))
    standins.set_stock(sku, 1)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine(sku, 1),), coordination=request.param)
    return place_order(wish, idempotency_key="k1").order


def carried(order: Order, *, then: Act = lambda run: None) -> Order:
    """The order, carried by the real functions of its steps as far as it goes; `then` is what an operator does."""
    if order.coordination == "saga":
        story = given_run(checkout, key=order.saga_key).calling_participants().then(then)
        assert story.run
    else:
        events = EventStory(order)
        events.stage.calls_participants = True
        assert events.journey
    order.refresh_from_db()
    return order


def key_at(standins: Standins, company: str, order: Order) -> str:
    """The key under which the order is known there."""
    return str(standins.ledger(company, order.number)[0]["key"])


def books(standins: Standins, order: Order) -> list[str]:
    return ledgers_of(standins.url, order.number).differences(order.status, int(order.total * 100))


@pytest.fixture
def fetched_early(order: Order, standins: Standins, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver comes before the card is charged, and then the bank says no."""

    def refuse(*_args: Any, **_options: Any) -> payments.Capture:
        key = key_at(standins, "carrier", order)
        requests.post(f"{standins.url}/carrier/bookings/{key}/pickup", timeout=10).raise_for_status()
        raise Refused("card_declined")

    monkeypatch.setattr(payments, "capture", refuse)


@pytest.mark.usefixtures("fetched_early")
def test_a_parcel_that_cannot_be_called_back_is_a_persons_matter_who_is_told_what_to_do(
    order: Order, standins: Standins
) -> None:
    shown: list[str] = []
    carried(order, then=lambda run: shown.append(f"{run.reason} {advice_for(run)}"))
    assert order.status == "needs_attention"
    [words] = shown or [order.status_reason]
    assert TOO_LATE in words
    assert standins.ledger("carrier", order.number)[-1]["tracking"] in words
    assert [entry["operation"] for entry in standins.ledger("carrier", order.number)] == ["booked", "picked_up"]


@pytest.mark.usefixtures("fetched_early")
def test_once_the_parcel_is_recalled_the_goods_and_the_money_follow(order: Order, standins: Standins) -> None:
    ann = get_user_model().objects.create_user("ann")
    carried(order, then=lambda run: desk.skip(run.pk, actor=ann, reason="recalled by telephone"))
    if order.coordination == "choreography":
        assert turning.close_by_hand(order.pk)
        order.refresh_from_db()
    assert order.status == "cancelled"
    did = [entry["operation"] for who in ("payments", "warehouse") for entry in standins.ledger(who, order.number)]
    assert {"canceled", "released"} <= set(did)
    assert "captured" not in did


@pytest.fixture
def given_away(order: Order, standins: Standins, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """The reservation expires after the card is charged, and another order takes the last lamp at once."""
    rival, commit = Caller(standins), warehouse.commit
    rival.sku = order.lines.get().sku

    def late(reservation: str, **options: Any) -> warehouse.Reservation:
        requests.post(f"{standins.url}/warehouse/reservations/{reservation}/expire", timeout=10).raise_for_status()
        if "reserved" not in rival.did():
            assert rival.reserve(1).status_code == 201
        return commit(reservation, **options)

    monkeypatch.setattr(warehouse, "commit", late)
    return rival


def test_a_charged_order_whose_goods_somebody_else_has_waits_on_a_desk_for_more_and_completes(
    order: Order, standins: Standins, given_away: Caller
) -> None:
    ann, shown = get_user_model().objects.create_user("ann"), []

    def mend(run: Run) -> None:
        shown.append(advice_for(run))
        given_away.release()
        desk.retry_now(run.pk, actor=ann, reason="the other order was cancelled")

    carried(order, then=mend)
    if order.coordination == "choreography":
        assert (order.status, OUT_OF_STOCK in order.status_reason) == ("needs_attention", True)
        given_away.release()
        assert requeue(DeadLetter.objects.get().pk)
        carry(order.pk)
        order.refresh_from_db()
    else:
        assert shown == [OUT_OF_STOCK]
    assert order.status == "confirmed"
    assert books(standins, order) == []


def test_a_charged_order_whose_reservation_expired_takes_the_goods_that_are_still_there(
    order: Order, standins: Standins, given_away: Caller
) -> None:
    standins.set_stock(given_away.sku, 2)
    carried(order)
    assert order.status == "confirmed"
    assert books(standins, order) == []
    assert "expired" in [entry["operation"] for entry in standins.ledger("warehouse", order.number)]
