"""How orders that are carried by events end: with each refusal, each lost answer, and with messages doubled."""

from __future__ import annotations

import pytest

from orders.choreography.events import (
    CancelRequested,
    CaptureRefused,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentRefused,
    ShipmentRefused,
    StockRefused,
    StockReserved,
)
from orders.events import OrderCancelled, OrderConfirmed, OrderNeedsAttention, OrderPlaced
from orders.sagas import (
    authorize_payment,
    book_shipment,
    capture_payment,
    commit_stock,
    dispatch_parcel,
    reserve_stock,
)
from outbox.models import DeadLetter
from outbox.operations.requeue import requeue
from sagas import NotApplied

from .driver import carry

pytestmark = pytest.mark.django_db
BEFORE_THE_CAPTURE = [
    (authorize_payment, PaymentRefused, ()),
    (reserve_stock, StockRefused, (authorize_payment,)),
    (book_shipment, ShipmentRefused, (authorize_payment, reserve_stock)),
]


def test_an_order_is_confirmed_by_events_alone(story, order):
    story.expect_completed()
    story.expect_published(PaymentCaptured, PaymentCaptured(order.pk, "pi_1", 16600))
    story.expect_published(OrderPlaced).expect_published(OrderConfirmed)
    assert order.tracking == "SC-1"


@pytest.mark.parametrize(("step", "event", "undone"), BEFORE_THE_CAPTURE)
def test_a_refusal_is_an_event_that_the_earlier_ones_undo_on(story, order, step, event, undone):
    story.when(step).refuses("not_today", "Come back tomorrow.").expect_undone(*undone)
    story.expect_published(event, event(order.pk, "not_today", f"{step.name}: Come back tomorrow."))
    story.expect_published(OrderCancelled, OrderCancelled(order.pk, order.number, order.email, "not_today"))
    assert not DeadLetter.objects.exists()


def test_a_refused_capture_undoes_all(story):
    story.when(capture_payment).refuses("expired").expect_undone(authorize_payment, reserve_stock, book_shipment)
    story.expect_published(CaptureRefused).expect_nothing_published(PaymentCaptured)


@pytest.mark.parametrize(("step", "event", "undone"), BEFORE_THE_CAPTURE)
def test_a_spent_budget_counts_as_a_refusal_and_the_step_in_doubt_is_undone_too(story, step, event, undone):
    story.when(step).answer_lost(times=None)
    if step is authorize_payment:
        story.when_probing(step).fails(times=None)
    story.expect_undone(step, *undone).expect_published(event).expect_attempts(step, 5)
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("step", [authorize_payment, reserve_stock, book_shipment, capture_payment, commit_stock])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(story, step):
    story.when(step).answer_lost(times=2).expect_completed().expect_attempts(step, 3)


@pytest.mark.parametrize("step", [authorize_payment, reserve_stock, book_shipment, capture_payment, dispatch_parcel])
def test_a_lost_worker_costs_an_attempt_and_no_order(story, step):
    story.when(step).worker_lost(times=2).expect_completed().expect_attempts(step, 3)


def test_a_step_whose_workers_all_died_is_undone_too(story):
    story.when(reserve_stock).worker_lost(times=None).expect_undone(authorize_payment, reserve_stock)
    assert not DeadLetter.objects.exists(), "it goes on by itself: nobody need look"


def test_an_authorisation_whose_answers_are_all_lost_is_found_by_its_probe(story):
    story.when(authorize_payment).answer_lost(times=5).expect_completed()


def test_a_paid_order_is_confirmed_however_long_it_takes(story):
    story.when(dispatch_parcel).fails(times=20).when(commit_stock).worker_lost(times=3).expect_completed()
    story.expect_attempts(dispatch_parcel, 21)


def test_a_capture_in_doubt_undoes_nothing_and_needs_a_person_who_requeues_it(story, order):
    story.when(capture_payment).fails(times=4).when_probing(capture_payment).fails(times=1)
    story.expect_stuck(
        "capture_payment: no answer Mend that, then requeue its dead letter to payments.capture_payment."
    )
    story.expect_published(OrderNeedsAttention)
    assert not story.stage.undone
    assert requeue(DeadLetter.objects.get().pk)
    with story.stage.set():
        carry(order.pk)
    order.refresh_from_db()
    assert order.status == "confirmed"


def test_a_refused_capture_after_a_lost_answer_is_not_believed_but_asked_about(story):
    story.when(capture_payment).answer_lost().when(capture_payment).refuses("canceled").expect_completed()


def test_a_refused_capture_after_a_lost_answer_turns_when_the_bank_knows_nothing(story):
    story.when(capture_payment).fails().when(capture_payment).refuses("canceled")
    story.expect_undone(authorize_payment, reserve_stock, book_shipment)


def test_a_refused_capture_after_a_lost_answer_needs_a_person_when_the_bank_is_silent(story):
    story.when(capture_payment).answer_lost().when(capture_payment).refuses("canceled")
    story.when_probing(capture_payment).fails(times=None).expect_stuck("an earlier answer was lost")
    assert not story.stage.undone


def test_a_refusal_after_the_capture_needs_a_person_and_undoes_nothing(story):
    story.when(commit_stock).refuses("released").expect_stuck("commit_stock: released")
    assert not story.stage.undone


@pytest.mark.parametrize("step", [reserve_stock, book_shipment, capture_payment])
def test_a_customer_who_cancels_before_the_capture_is_not_charged(story, step):
    done = [one for one in (authorize_payment, reserve_stock, book_shipment) if one.position < step.position]
    story.cancelled_before(step).expect_undone(*done).expect_attempts(step, 0)
    story.expect_published(CancelRequested).expect_nothing_published(PaymentCaptured)


def test_an_order_that_is_cancelled_before_anything_was_done_ends_cancelled(story):
    story.cancelled_before(authorize_payment).expect_undone().expect_nothing_published(PaymentAuthorized)


def test_an_order_is_cancelled_only_when_all_have_undone_their_part(story, order):
    story.when(book_shipment).refuses("no_capacity").when_undoing(authorize_payment).fails(times=None)
    story.expect_stuck("Undoing authorize_payment failed: no answer")
    story.expect_nothing_published(OrderCancelled)
    assert story.stage.undone == ["reserve_stock"]
    story.stage.backward.clear()
    assert requeue(DeadLetter.objects.get().pk)
    with story.stage.set():
        carry(order.pk)
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("cancelled", "no_capacity")


def test_messages_that_arrive_twice_change_nothing(story):
    story.with_doubled_messages().expect_completed()
    story.expect_published(OrderConfirmed)


def test_refusals_that_arrive_twice_change_nothing(story):
    story.with_doubled_messages().when(book_shipment).refuses("no_capacity")
    story.expect_undone(authorize_payment, reserve_stock)


def test_a_result_that_comes_after_the_order_turned_is_undone_by_its_key(story, order):
    from orders.choreography import turning

    real = story.stage._run(reserve_stock)

    def cancelled_meanwhile(context):
        result = real(context)
        turning.cancel(order.pk)
        return result

    story.stage._run = lambda step: (
        cancelled_meanwhile if step is reserve_stock else type(story.stage)._run(story.stage, step)
    )
    story.expect_undone(authorize_payment, reserve_stock).expect_nothing_published(StockReserved)


def test_a_probe_that_finds_nothing_leaves_the_doubt_to_be_undone(story):
    story.when(authorize_payment).fails(times=5).when_probing(authorize_payment).finds(NotApplied())
    story.expect_undone(authorize_payment)
