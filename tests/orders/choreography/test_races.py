"""Races of one order that is carried by events, over real connections."""

from __future__ import annotations

import threading

import pytest
from django.db import connections, transaction

from orders.choreography import journeys, turning, watchdog
from orders.choreography.events import PaymentCaptured, PaymentReleased, ShipmentRefused, StockRefused, StockReleased
from orders.models import Journey, JourneyStep, Order
from orders.sagas import authorize_payment, book_shipment, capture_payment, reserve_stock
from outbox.models import OutboxMessage
from outbox.testing import published
from sagas.models import StepStatus
from tests.concurrency.test_sagas import at_once

from .driver import carry, deliver, relayed

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [step.name for step in (authorize_payment, reserve_stock, book_shipment)]


def booked(order: Order) -> None:
    """As the order stands when the parcel is booked and the card is about to be charged."""
    JourneyStep.objects.filter(name__in=BEFORE).update(status=StepStatus.DONE, attempts=1)
    OutboxMessage.objects.all().delete()


@pytest.mark.parametrize("round_", range(8))
def test_of_cancel_and_capture_exactly_one_wins(order, round_):
    booked(order)
    cancelled, begun = at_once(lambda: turning.cancel(order.pk), lambda: journeys.begin(order.pk, capture_payment))
    assert cancelled in (True, False)
    assert cancelled == (begun is None)
    assert Journey.objects.get().state == ("undoing" if cancelled else "onward")


def test_a_cancel_waits_for_the_capture_that_is_just_beginning_and_is_then_too_late(order):
    booked(order)
    answers: list[bool] = []

    def cancel() -> None:
        answers.append(turning.cancel(order.pk))
        connections.close_all()

    second = threading.Thread(target=cancel)
    with transaction.atomic():
        assert journeys.begin(order.pk, capture_payment)
        second.start()
        second.join(0.3)
        assert second.is_alive(), "the cancel decided without waiting for the capture's beginning"
    second.join(10)
    assert answers == [False]


@pytest.mark.parametrize("round_", range(4))
def test_of_cancel_refusal_and_deadline_one_turns_the_order(order, round_):
    booked(order)
    Journey.objects.update(deadline_at="2020-01-01T00:00Z", due_at="2020-01-01T00:00Z")
    refused = ShipmentRefused(order.pk, "no_capacity", "")

    def refuse():
        with transaction.atomic():
            turning.refuse(book_shipment, StepStatus.REFUSED, refused, Exception("no"))

    results = at_once(lambda: turning.cancel(order.pk), refuse, watchdog.look)
    assert not [one for one in results if isinstance(one, Exception)], results
    turned = OutboxMessage.objects.exclude(type__startswith="orders.order_")
    assert turned.count() == 1


def test_of_many_undos_that_end_at_once_one_cancels_the_order(order, story):
    story.when(book_shipment).refuses("no_capacity")
    with story.stage.set():
        while True:
            sent = relayed()
            acts = [lambda one=one, to=to: deliver(one, to) for one in sent for to in one.to]
            if not acts:
                break
            at_once(*acts)
    assert Journey.objects.get().state == "ended"
    order.refresh_from_db()
    assert order.status == "cancelled"
    assert OutboxMessage.objects.count() == 0


def test_the_same_message_at_several_workers_is_recorded_once(order, story):
    with story.stage.set():
        (one,) = [one for one in relayed() if "payments.authorize_payment" in one.to]
        at_once(*[lambda: deliver(one, "payments.authorize_payment")] * 4)
        assert JourneyStep.objects.get(name="authorize_payment").status == StepStatus.DONE
        carry(order.pk)
    order.refresh_from_db()
    assert order.status == "confirmed"
    assert len(published(PaymentCaptured)) == 1


def test_a_second_copy_that_learns_nothing_does_not_turn_a_step_that_is_done(order, story):
    """Publish again makes a second message of a kind; its doubt comes when the first has led the order on."""
    booked(order)
    JourneyStep.objects.filter(name=book_shipment.name).update(status=StepStatus.RUNNING)
    late = StockRefused(order.pk, "in_doubt", "reserve_stock: no answer")
    with transaction.atomic():
        turning.refuse(reserve_stock, StepStatus.IN_DOUBT, late, Exception("no answer"))
    assert Journey.objects.get().state == "open"
    assert JourneyStep.objects.get(name=reserve_stock.name).status == StepStatus.DONE
    assert not published(StockRefused)


def test_a_second_copy_that_is_given_up_puts_no_order_on_the_desk_whose_step_is_done(order):
    booked(order)
    with transaction.atomic():
        journeys.park(order.pk, reserve_stock.name, StepStatus.IN_DOUBT, Exception("no answer"), "no answer")
    order.refresh_from_db()
    assert order.status == "processing"


def test_an_order_one_undo_of_which_failed_stays_on_the_desk_when_another_undo_ends(order):
    booked(order)
    turning.cancel(order.pk)
    with transaction.atomic():
        journeys.park(order.pk, authorize_payment.name, StepStatus.UNDO_FAILED, Exception("no"), "Undoing it failed.")
    with transaction.atomic():
        turning.record_undone(order.pk, reserve_stock, StockReleased(order.pk))
    order.refresh_from_db()
    assert order.status == "needs_attention"
    with transaction.atomic():
        turning.record_undone(order.pk, authorize_payment, PaymentReleased(order.pk))
    order.refresh_from_db()
    assert order.status == "cancelling"
