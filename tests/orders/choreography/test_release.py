"""Orders that waited for a participant come back when it answers again: soon, and not all at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orders.choreography.models import Journey
from orders.choreography.release import release
from orders.models import Order
from orders.participants import payments
from orders.services import place_order
from orders.validation import PlaceOrder
from outbox import turns
from outbox.models import Delivery
from sagas import Participant, breaker

from .driver import deliver, relayed

pytestmark = pytest.mark.django_db
HELD = payments.Authorization("pi_1", 16600, "EUR")


def held(wish: PlaceOrder, monkeypatch: Any, number: int) -> list[Order]:
    """So many orders whose bank is held by an operator; each was put off."""
    monkeypatch.setattr(payments, "authorize", lambda *_a, **_k: pytest.fail("the bank was asked"))
    breaker.open_by_hand("payments", "ann: they move house")
    wished = replace(wish, coordination="choreography")
    orders = [place_order(wished, idempotency_key=f"k{one}").order for one in range(number)]
    for one in relayed():
        for subscriber in one.to:
            deliver(one, subscriber)
    Delivery.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    assert Journey.objects.filter(waits_for="payments").count() == number
    return orders


def due() -> int:
    return Delivery.objects.filter(due_at__lte=timezone.now()).count()


def test_nobody_is_brought_back_while_the_participant_is_away(wish: PlaceOrder, monkeypatch: Any) -> None:
    held(wish, monkeypatch, 2)
    assert release(2) == 0
    assert due() == 0


def test_those_who_waited_come_back_when_it_answers(wish: PlaceOrder, monkeypatch: Any) -> None:
    held(wish, monkeypatch, 2)
    breaker.close("payments", "ann: they moved")
    assert release(2) == 2
    assert due() == 2
    assert not Journey.objects.exclude(waits_for="").exists()
    assert release(2) == 0


def test_they_come_back_at_the_participants_rate(wish: PlaceOrder, monkeypatch: Any, settings: Any) -> None:
    settings.SAGAS_PARTICIPANTS = {"payments": Participant(release_per_second=1)}
    held(wish, monkeypatch, 5)
    breaker.close("payments", "ann: they moved")
    assert [release(2), release(2), release(2)] == [2, 2, 1]


def test_an_order_that_waits_for_another_participant_stays_where_it_is(wish: PlaceOrder, monkeypatch: Any) -> None:
    first, second = held(wish, monkeypatch, 2)
    Journey.objects.filter(pk=second.pk).update(waits_for="carrier")
    breaker.close("payments", "ann: they moved")
    breaker.open_by_hand("carrier", "ann: on strike")
    assert release(2) == 1
    assert Delivery.objects.get(due_at__lte=timezone.now()).key == first.saga_key


def test_a_worker_that_looks_after_them_then_asks_the_participant_at_once(wish: PlaceOrder, monkeypatch: Any) -> None:
    (order,) = held(wish, monkeypatch, 1)
    asked: list[str] = []

    def authorize(*_: object, key: str, **__: object) -> payments.Authorization:
        asked.append(key)
        return HELD

    monkeypatch.setattr(payments, "authorize", authorize)
    breaker.close("payments", "ann: they moved")
    release(2)
    turns.deliver_open("payments.authorize_payment", [order.saga_key], again=True, go_on=lambda: None)
    assert asked == [f"{order.pk}.authorize_payment"]
    assert not Delivery.objects.filter(subscriber="payments.authorize_payment").exists()
