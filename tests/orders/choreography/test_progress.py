"""The order's own page and the API show an order carried by events as they show one carried by a saga."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from orders.cancelling.customer_request import cancel_order
from orders.choreography import events, journeys, turning
from orders.models import Journey, JourneyStep, Order
from orders.participants import warehouse
from orders.presentation.timeline import Timeline
from orders.sagas import book_shipment, capture_payment, checkout, commit_stock
from sagas import Unavailable
from sagas.models import StepStatus
from sagas.participants import breaker

from .driver import carry, deliver, relayed
from .story import EventStory

pytestmark = pytest.mark.django_db


def shown(order: Order) -> Timeline:
    order.refresh_from_db()
    return Timeline.of(order)


def labels(order: Order) -> list[str]:
    return [step.label for step in shown(order).steps]


def test_a_new_order_shows_all_it_will_go_through(client: Client, order: Order) -> None:
    page = client.get(f"/orders/{order.pk}/").content.decode()
    for words in ("Authorising your payment", "Confirming availability", "Cancel this order", "every 700ms"):
        assert words in page


def test_a_step_in_hand_is_shown_as_working_and_then_as_done(order: Order) -> None:
    journeys.begin(order.pk, checkout.steps[0])
    assert labels(order)[:2] == ["working", "to do"]
    JourneyStep.objects.filter(position=0).update(status=StepStatus.DONE)
    assert labels(order)[:2] == ["done", "to do"]


def test_a_confirmed_order_says_what_was_charged(order: Order, story: EventStory) -> None:
    story.expect_completed()
    timeline = shown(order)
    assert {step.label for step in timeline.steps} == {"done"}
    assert timeline.charge == "Your card was charged 166.00 EUR, once."
    assert (timeline.pause, timeline.can_cancel) == ("", False)


def test_a_refused_order_says_why_and_what_was_undone(order: Order, story: EventStory) -> None:
    story.when(book_shipment).refuses("no_capacity").journey  # noqa: B018 - plays the story
    assert labels(order) == ["undone", "undone", "refused", *["not needed"] * 4]
    assert shown(order).reason == "The carrier could not take the parcel."


def test_an_order_that_is_being_undone_shows_it(order: Order) -> None:
    JourneyStep.objects.filter(position__lt=2).update(status=StepStatus.DONE, attempts=1)
    assert turning.cancel(order.pk)
    timeline = shown(order)
    assert timeline.headline == "Your order is being cancelled."
    assert labels(order)[:3] == ["being undone", "being undone", "not needed"]


def test_a_capture_in_doubt_promises_only_what_is_known(order: Order, story: EventStory) -> None:
    story.when(capture_payment).fails(times=4).when_probing(capture_payment).fails().expect_stuck()
    timeline = shown(order)
    assert timeline.charge == "We are finding out whether your card was charged. It will not be charged twice."
    assert (timeline.steps[3].label, timeline.can_cancel) == ("needs a person", False)


def test_a_customer_cancels_until_the_payment_is_asked_for_and_is_then_told_that_it_is_too_late(order: Order) -> None:
    JourneyStep.objects.filter(position__lt=3).update(status=StepStatus.DONE, attempts=1)
    assert shown(order).can_cancel
    journeys.begin(order.pk, capture_payment)
    assert not shown(order).can_cancel
    assert not cancel_order(order)
    assert shown(order).headline == "We are working on your order."


def test_a_cancel_on_the_api_is_accepted_until_it_is_too_late(client: Client, order: Order, story: EventStory) -> None:
    assert client.post(f"/api/orders/{order.pk}/cancel").json()["status"] == "cancelling"
    assert client.post(f"/api/orders/{order.pk}/cancel").status_code == 200
    carry(order.pk)
    assert client.post(f"/api/orders/{order.pk}/cancel").json()["status"] == "cancelled"


def test_a_cancel_of_a_paid_order_changes_nothing(client: Client, order: Order, story: EventStory) -> None:
    story.expect_completed()
    assert client.post(f"/api/orders/{order.pk}/cancel").status_code == 409
    assert Journey.objects.get().state == "ended"


def first_delivery(order: Order, step: Any) -> None:
    """The step's message arrives, with everything before it done."""
    JourneyStep.objects.filter(position__lt=step.position).update(status=StepStatus.DONE, attempts=1)
    journey = Journey.objects.get(pk=order.pk)
    if step.position > capture_payment.position:
        Journey.objects.update(state=Journey.State.ONWARD)
        journey.refresh_from_db()
    before = {1: events.PaymentAuthorized(order.pk, "pi", 1, "EUR"), 4: events.PaymentCaptured(order.pk, "pi", 1)}
    journeys.tell(journey, before[step.position])
    for one in relayed():
        for subscriber in one.to:
            if subscriber == f"{step.participant}.{step.name}":
                deliver(one, subscriber)


def away(*_: object, **__: object) -> None:
    raise Unavailable(timedelta(seconds=5), "warehouse: answered 503")


def test_an_order_that_waits_for_a_participant_says_for_whom_and_until_when(order: Order, monkeypatch: Any) -> None:
    monkeypatch.setattr(warehouse, "reserve", away)
    Journey.objects.update(deadline_at=timezone.now() + timedelta(minutes=27, seconds=-5))
    first_delivery(order, checkout.named("reserve_stock"))
    timeline = shown(order)
    assert timeline.headline == "Your order waits for the warehouse."
    assert "Should that take longer than 27 minutes, we cancel the order and charge nothing." in timeline.reason
    assert labels(order)[:3] == ["done", "waiting", "to do"]
    step = JourneyStep.objects.get(name="reserve_stock")
    assert (step.attempts, step.asked) == (1, 0)


def test_a_participant_that_an_operator_holds_is_not_asked(order: Order, monkeypatch: Any) -> None:
    breaker.open_by_hand("warehouse", "ann: they moved house")
    asked: list[object] = []
    monkeypatch.setattr(warehouse, "commit", lambda *a, **k: asked.append(a))
    first_delivery(order, commit_stock)
    assert not asked
    timeline = shown(order)
    assert timeline.headline == "Your order waits for the warehouse."
    assert "cancel" not in timeline.reason
    assert JourneyStep.objects.get(name="commit_stock").attempts == 0


def test_a_capture_that_was_surely_not_applied_lets_the_customer_cancel(order: Order) -> None:
    JourneyStep.objects.filter(position__lt=3).update(status=StepStatus.DONE, attempts=1)
    journeys.begin(order.pk, capture_payment)
    assert not cancel_order(order)
    journeys.put_off(order.pk, capture_payment, timedelta(seconds=2), away=True, forgiven=True)
    assert cancel_order(order)


def test_a_capture_that_may_have_been_applied_does_not(order: Order) -> None:
    JourneyStep.objects.filter(position__lt=3).update(status=StepStatus.DONE, attempts=1)
    journeys.begin(order.pk, capture_payment)
    journeys.put_off(order.pk, capture_payment, timedelta(seconds=2), away=False, forgiven=False)
    journeys.begin(order.pk, capture_payment)
    journeys.put_off(order.pk, capture_payment, timedelta(seconds=2), away=True, forgiven=True)
    assert not cancel_order(order)


def test_outages_of_any_length_cost_no_attempt(order: Order, story: EventStory) -> None:
    story.when(book_shipment).retry_after(timedelta(seconds=1), times=12).expect_completed()
    assert JourneyStep.objects.get(name="book_shipment").asked == 1
