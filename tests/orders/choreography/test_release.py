"""Orders that waited for a participant come back when it answers again: soon, and not all at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from orders.choreography.release import release
from orders.models import Journey, JourneyStep, Order
from orders.participants import payments
from orders.participants.errors import AnswerLost
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from outbox.consuming import in_order
from outbox.models import Delivery
from sagas import Participant
from sagas.models import Breaker
from sagas.participants import breaker
from sagas.participants.lookup import breakers

from .driver import deliver, relayed

pytestmark = pytest.mark.django_db
WAIT = ("status", "next_attempt_at", "waits_since")
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
    put_off(minutes=1)
    assert Journey.objects.filter(waits_for="payments").count() == number
    return orders


def put_off(minutes: float) -> None:
    """All wait for so long, and have for some seconds."""
    until, since = timezone.now() + timedelta(minutes=minutes), timezone.now() - timedelta(seconds=5)
    Delivery.objects.update(due_at=until, held_until=until)
    JourneyStep.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=until)
    JourneyStep.objects.filter(waits_since__isnull=False).update(waits_since=since)


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
    steps = JourneyStep.objects.filter(journey=second.pk)
    steps.filter(name="book_shipment").update(**steps.filter(name="authorize_payment").values(*WAIT)[0])
    steps.filter(name="authorize_payment").update(status="running", next_attempt_at=None, waits_since=None)
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
    in_order.deliver_open("payments.authorize_payment", [order.saga_key], again=True, go_on=lambda: None)
    assert asked == [f"{order.pk}.authorize_payment"]
    assert not Delivery.objects.filter(subscriber="payments.authorize_payment").exists()


def test_one_that_only_waits_to_be_tried_again_when_its_participant_goes_away_comes_back_with_the_others(
    wish: PlaceOrder, monkeypatch: Any
) -> None:
    """Its wait grew long while each try failed by itself."""
    failing(wish, monkeypatch)
    breaker.open_by_hand("payments", "ann: they move house")
    assert release(2) == 0
    put_off(minutes=5)
    breaker.close("payments", "ann: they moved")
    assert release(2) == 1
    assert due() == 1


def test_one_whose_participant_was_never_away_keeps_its_wait(wish: PlaceOrder, monkeypatch: Any) -> None:
    failing(wish, monkeypatch)
    assert [release(2), release(2)] == [0, 0]
    assert due() == 0


def test_a_message_that_was_not_yet_put_off_is_left_for_the_next_look(wish: PlaceOrder, monkeypatch: Any) -> None:
    """Between the two commits of a put-off the release would bring forward what is then put off all the same."""
    held(wish, monkeypatch, 1)
    JourneyStep.objects.filter(waits_since__isnull=False).update(waits_since=timezone.now())
    breaker.close("payments", "ann: they moved")
    assert release(2) == 0
    put_off(minutes=1)
    assert release(2) == 1


def test_an_order_that_waits_for_two_comes_back_to_each(wish: PlaceOrder, monkeypatch: Any) -> None:
    (order,) = held(wish, monkeypatch, 1)
    steps = JourneyStep.objects.filter(journey=order.pk)
    steps.filter(name="reserve_stock").update(**steps.filter(name="authorize_payment").values(*WAIT)[0])
    Journey.objects.update(waits_for="")  # whoever wrote last waited for nobody
    breaker.close("payments", "ann: they moved")
    assert release(2) == 2
    assert due() == 1


def failing(wish: PlaceOrder, monkeypatch: Any) -> None:
    """An order whose bank has failed at it, and is asked again in five minutes."""

    def fail(*_: object, **__: object) -> payments.Authorization:
        raise RuntimeError("500: something went wrong")

    monkeypatch.setattr(payments, "authorize", fail)
    place_order(replace(wish, coordination="choreography"), idempotency_key="k")
    for one in relayed():
        for subscriber in one.to:
            with suppress(RuntimeError):
                deliver(one, subscriber)
    put_off(minutes=5)
    assert JourneyStep.objects.get(name="authorize_payment").status == "waiting"


def test_a_trial_that_is_answered_with_a_failure_ends_the_hold(wish: PlaceOrder, monkeypatch: Any) -> None:
    """A call that the bank cannot digest: it is there. The others need not wait until one of theirs is the trial."""
    monkeypatch.setattr(payments, "authorize", lambda *_a, **_k: pytest.fail("the bank was asked"))
    breaker.open_by_hand("payments", "ann: they move house")
    place_order(replace(wish, coordination="choreography"), idempotency_key="k")
    Breaker.objects.update(open_until="2000-01-01T00:00Z")
    breakers.forget()

    def fail(*_: object, **__: object) -> payments.Authorization:
        raise AnswerLost("payments", "answered 500")

    monkeypatch.setattr(payments, "authorize", fail)
    for one in relayed():
        for subscriber in one.to:
            deliver(one, subscriber)
    assert JourneyStep.objects.get(name="authorize_payment").attempts == 1
    assert Breaker.objects.get(name="payments").state == "closed"
