"""The order whose next event never came: it is found, and a person is told what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from orders.choreography import journeys, watchdog
from orders.choreography.events import DeadlinePassed
from orders.events import OrderNeedsAttention
from orders.models import Journey, JourneyStep, Order
from orders.placing.place import place_order
from orders.sagas import authorize_payment, book_shipment, capture_payment, reserve_stock
from outbox.consuming import dead_letter_signal
from outbox.declare.events import registry
from outbox.models import DeadLetter, OutboxMessage, PublishedMessage
from outbox.operations.requeue import requeue
from outbox.testing import published

from .driver import carry, relayed

pytestmark = pytest.mark.django_db
RESERVE = "warehouse.reserve_stock"


def time_passes(delta: timedelta) -> None:
    """For journeys: the watchdog's times move into the past."""
    Journey.objects.update(due_at=F("due_at") - delta, deadline_at=F("deadline_at") - delta)


@pytest.fixture
def gone(monkeypatch):
    """`gone("warehouse.reserve_stock")`: a deploy removed this subscriber."""

    def remove(name: str) -> None:
        subscribers = {one: declared for one, declared in registry.subscribers.items() if one != name}
        monkeypatch.setattr(registry, "subscribers", subscribers)

    return remove


def test_nothing_is_said_while_all_is_in_time(order):
    assert watchdog.look() == 0


def test_a_message_that_is_still_to_be_published_is_the_outboxs_matter(order):
    time_passes(timedelta(minutes=5))
    assert watchdog.look() == 0
    assert not Journey.objects.filter(due_at__lte=timezone.now()).exists()


def test_a_delivery_that_is_still_open_is_the_outboxs_matter(order):
    relayed()
    assert not OutboxMessage.objects.exists()
    time_passes(timedelta(minutes=5))
    assert watchdog.look() == 0


def test_an_order_whose_next_subscriber_was_removed_needs_a_person_who_is_told_what_to_do(
    order, story, gone, monkeypatch
):
    gone(RESERVE)
    assert story.journey.state == "open"
    time_passes(timedelta(minutes=5))
    assert watchdog.look() == 1
    order.refresh_from_db()
    assert order.status == "needs_attention"
    assert "No event came after orders.choreography.payment_authorized at" in order.status_reason
    assert "press Publish again" in order.status_reason
    assert published(OrderNeedsAttention)
    assert watchdog.look() == 0, "it says so once"
    monkeypatch.undo()
    with story.stage.set():
        assert watchdog.publish_again(order.pk) == "orders.choreography.payment_authorized"
        carry(order.pk)
    order.refresh_from_db()
    assert order.status == "confirmed"


def test_an_order_whose_chain_ends_in_a_dead_letter_says_which(order, story, gone, monkeypatch):
    """Its place on the desk comes with the dead letter; the watchdog finds it also where nobody was told of that."""
    monkeypatch.setattr(dead_letter_signal.dead_lettered, "receivers", [])
    with story.stage.set():
        carry(order.pk, before=lambda subscriber: gone(RESERVE) if subscriber == RESERVE else None)
    assert DeadLetter.objects.get().subscriber == RESERVE
    time_passes(timedelta(minutes=5))
    assert watchdog.look() == 1
    order.refresh_from_db()
    assert (
        f"a dead letter, orders.choreography.payment_authorized to {RESERVE} (CannotRead: No sub" in order.status_reason
    )
    assert "requeue the dead letter" in order.status_reason
    monkeypatch.undo()
    assert requeue(DeadLetter.objects.get().pk)
    with story.stage.set():
        carry(order.pk)
    order.refresh_from_db()
    assert order.status == "confirmed"


def test_an_event_published_again_after_the_end_does_nothing_twice(order, story):
    story.expect_completed()
    assert watchdog.publish_again(order.pk) == ""
    events = PublishedMessage.objects.count()
    carry(order.pk)
    assert PublishedMessage.objects.count() == events


def test_an_earlier_event_published_again_carries_no_step_out_twice(order, story):
    story.before(book_shipment, lambda: watchdog.publish_again(order.pk)).expect_completed()
    story.expect_attempts(reserve_stock, 1).expect_attempts(book_shipment, 1)


def test_an_order_that_is_not_charged_in_time_is_undone(order, story):
    def too_late():
        time_passes(timedelta(minutes=31))
        assert watchdog.look() == 1

    story.before(book_shipment, too_late).expect_undone(authorize_payment, reserve_stock)
    story.expect_published(DeadlinePassed)
    assert order.status_reason == "deadline"


def test_an_order_on_the_desk_that_is_not_charged_is_undone_at_its_deadline_all_the_same(order, story, gone):
    gone(RESERVE)
    assert story.journey.state == "open"
    time_passes(timedelta(minutes=5))
    watchdog.look()
    time_passes(timedelta(minutes=20))
    assert watchdog.look() == 0, "not before"
    time_passes(timedelta(minutes=10))
    assert watchdog.look() == 1
    order.refresh_from_db()
    assert order.status == "cancelling"
    assert published(DeadlinePassed)


def test_an_order_that_waits_long_is_looked_at_by_its_deadline(order):
    JourneyStep.objects.filter(position=0).update(status="done", attempts=1)
    journeys.put_off(order.pk, reserve_stock, timedelta(hours=3), away=True, forgiven=False)
    journey = Journey.objects.get()
    assert journey.due_at == journey.deadline_at


def test_an_order_whose_capture_was_asked_for_has_no_deadline(order, story):
    story.when(capture_payment).answer_lost()

    def late(subscriber):
        if Journey.objects.get().state == "onward":
            Journey.objects.update(deadline_at=timezone.now() - timedelta(minutes=1), due_at=timezone.now())
            watchdog.look()

    with story.stage.set():
        carry(order.pk, before=late)
    order.refresh_from_db()
    assert order.status == "confirmed"
    assert not published(DeadlinePassed)


def test_an_order_that_is_over_is_not_looked_at(order, story):
    story.expect_completed()
    time_passes(timedelta(days=1))
    assert watchdog.look() == 0


@pytest.mark.parametrize(
    "missing", ["warehouse.release_stock_on_shipment_refused", "shop.close_order_on_stock_released"]
)
def test_an_undo_that_was_never_heard_of_is_found_and_can_be_told_again(order, story, gone, monkeypatch, missing):
    gone(missing)
    story.when(book_shipment).refuses("no_capacity")
    story.when_undoing(authorize_payment).answer_lost(times=2)
    first = "shop.close_order_on_payment_released"
    if missing.startswith("shop."):
        monkeypatch.setattr(registry, "subscribers", {k: v for k, v in registry.subscribers.items() if k != first})
    assert story.journey.state == "undoing"
    time_passes(timedelta(minutes=5))
    assert watchdog.look() == 1
    monkeypatch.undo()
    with story.stage.set():
        assert watchdog.publish_again(order.pk) == "orders.choreography.shipment_refused"
        carry(order.pk)
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("cancelled", "no_capacity")
    assert sorted(story.stage.undone) == ["authorize_payment", "reserve_stock"]


def test_an_order_that_cannot_be_looked_after_keeps_no_other_from_its_deadline(order, wish):
    other = place_order(replace(wish, coordination="choreography"), idempotency_key="k2").order
    time_passes(timedelta(hours=2))
    Order.objects.filter(pk=order.pk).update(status="confirmed")  # as no code of ours leaves it
    Journey.objects.filter(pk=order.pk).update(due_at=timezone.now() - timedelta(hours=3))
    assert watchdog.look() == 1
    assert Journey.objects.get(pk=other.pk).state == "undoing"
    assert Journey.objects.filter(pk=order.pk, due_at__gt=timezone.now()).exists(), "it would be first in every look"
