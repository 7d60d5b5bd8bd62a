"""Every order settles: real workers, relay and beat, and participants in a process of their own."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from orders.models import Journey, Order
from outbox.messages import codec
from outbox.models import DeadLetter, InboxEntry, PublishedMessage
from outbox.operations import requeue
from sagas import desk
from sagas.models import Run
from tests.support.workers import until

from .stack import attempts_of, run_of, statuses, undone_at_all, until_step

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("coordination")]


def test_a_paid_order_completes(stack):
    order = stack.settled(stack.place())
    assert order.status == "confirmed"
    assert set(statuses(order).values()) == {"done"}
    stack.check_books(order)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_declined_card_undoes_nothing_that_was_not_done(stack, card, code):
    order = stack.settled(stack.place(card))
    assert order.status == "cancelled"
    assert order.status_reason == code
    assert not undone_at_all(order)
    stack.check_books(order)


def test_out_of_stock_after_the_authorisation_cancels_the_intent_and_never_charges(stack):
    order = stack.settled(stack.place(lines=[("chair-ash", 1)]))
    assert order.status == "cancelled"
    effects = [entry["operation"] for entry in stack.standins.ledger("payments", order.number)]
    assert "authorized" in effects
    assert "canceled" in effects
    assert "captured" not in effects
    stack.check_books(order)


def test_lost_answers_at_authorise_and_at_capture_end_with_one_capture(stack):
    order = stack.settled(stack.place("pm_card_answerLost"))
    assert order.status == "confirmed"
    effects = [entry["operation"] for entry in stack.standins.ledger("payments", order.number)]
    assert effects.count("captured") == 1
    assert effects.count("authorized") == 1
    assert attempts_of(order, "capture_payment") == 2
    stack.check_books(order)


def test_a_capture_that_keeps_failing_ends_on_a_persons_desk_who_can_mend_it(stack):
    order = stack.settled(stack.place("pm_card_captureFails"))
    assert order.status == "needs_attention"
    assert statuses(order)["capture_payment"] == "in_doubt"
    assert not undone_at_all(order)
    set_going_again(order)
    assert stack.settled(refreshed(order)).status == "confirmed"
    stack.check_books(order)


def set_going_again(order: Order) -> None:
    """What an operator does once the bank is mended: on the saga's desk, or with the dead letter."""
    if order.coordination == "choreography":
        (dead,) = DeadLetter.objects.filter(key=order.saga_key)
        assert requeue.requeue(dead.pk)
    else:
        ann, _ = get_user_model().objects.get_or_create(username="ann")
        desk.retry_now(run_of(order).id, actor=ann, reason="the bank says it is mended")


def refreshed(order: Order) -> Order:
    """The order once the desk's act has moved it on: no longer on the desk."""

    def moved() -> bool:
        order.refresh_from_db()
        return order.status != "needs_attention"

    until(moved, 20, what=f"{order.number} leaves the desk")
    return order


EVERY_CALL = [
    ("payments", "create"),
    ("payments", "confirm"),
    ("warehouse", "reserve"),
    ("carrier", "book"),
    ("payments", "capture"),
    ("warehouse", "commit"),
    ("carrier", "dispatch"),
]


@pytest.mark.parametrize(("participant", "operation"), EVERY_CALL)
def test_an_answer_lost_at_any_call_is_asked_for_again_and_the_order_completes(stack, participant, operation):
    stack.standins.fault(participant, operation=operation, kind="lose_answer", times=1)
    order = stack.settled(stack.place())
    assert order.status == "confirmed"
    stack.check_books(order)


@pytest.mark.parametrize(("participant", "operation"), EVERY_CALL[1:5])
def test_a_refusal_at_any_step_up_to_the_capture_undoes_all_that_was_done(stack, participant, operation):
    stack.standins.fault(participant, operation=operation, kind="refuse", code="not_today", times=1)
    order = stack.settled(stack.place())
    assert order.status == "cancelled"
    stack.check_books(order)


@pytest.mark.parametrize(("participant", "operation"), EVERY_CALL[2:4])
def test_a_step_that_never_answers_is_undone_by_its_key(stack, participant, operation):
    as_often_as_attempts_are_allowed = 5
    stack.standins.fault(participant, operation=operation, kind="fail", times=as_often_as_attempts_are_allowed)
    order = stack.settled(stack.place())
    assert order.status == "cancelled"
    assert statuses(order)["authorize_payment"] == "undone"
    stack.check_books(order)


def test_cancel_before_the_pivot_undoes_and_never_charges(stack):
    stack.standins.fault("carrier", operation="book", kind="slow", delay=3, order=None, times=1)
    order = stack.place()
    until_step(order, "book_shipment")
    answer = Client().post(f"/api/orders/{order.pk}/cancel")
    assert answer.status_code in (200, 202), answer.content
    assert stack.settled(order).status == "cancelled"
    assert order.status_reason == "cancelled"
    stack.check_books(order)


def test_cancel_after_the_pivot_is_told_that_it_is_too_late(stack):
    order = stack.settled(stack.place())
    answer = Client().post(f"/api/orders/{order.pk}/cancel")
    assert answer.status_code == 409
    order.refresh_from_db()
    assert order.status == "confirmed"
    stack.check_books(order)


def test_the_confirmation_is_mailed_once_by_a_subscriber(stack):
    order = stack.settled(stack.place())
    until(lambda: InboxEntry.objects.filter(subscriber="orders.email_confirmation").exists(), 20)
    assert order.status == "confirmed"


def test_one_trace_goes_from_the_request_to_every_participant(stack):
    order = stack.settled(stack.place())
    placed = PublishedMessage.objects.get(key=order.saga_key, type="orders.order_placed")
    headers = codec.decode(dict[str, str], placed.headers)
    trace_id = headers["traceparent"][3:35]
    for participant in ("payments", "warehouse", "carrier"):
        entries = stack.standins.ledger(participant, order.number)
        assert entries
        assert {entry["traceparent"][3:35] for entry in entries} == {trace_id}
        assert {entry["request_id"] for entry in entries} == {headers["X-Request-Id"]}


def test_twenty_orders_at_once_all_settle_and_the_books_agree(stack):
    cards = ["pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_answerLost", "pm_card_visa"]
    orders = [stack.place(card) for card in cards * 5]
    for order in orders:
        stack.check_books(stack.settled(order, 60))
    assert Run.objects.filter(status__in=["running", "undoing"]).count() == 0
    assert not Journey.objects.exclude(state=Journey.State.ENDED).exclude(order__status="needs_attention").exists()


def test_an_outage_of_a_participant_spends_no_attempts_and_cancels_nobody(stack):
    stack.standins.fault("carrier", operation="book", kind="unavailable", times=4)
    order = stack.settled(stack.place())
    assert order.status == "confirmed"
    assert attempts_of(order, "book_shipment") == 5, "the breaker opens at the third; the fourth is the first trial"
    if stack.coordination == "saga":
        outcomes = [attempt.outcome for attempt in run_of(order).attempts.filter(step="book_shipment")]
        assert outcomes == ["away"] * 4 + ["done"]
    stack.check_books(order)


def test_an_authorisation_whose_answers_are_all_lost_is_found_and_the_order_completes(stack):
    as_often_as_attempts_are_allowed = 5
    stack.standins.fault("payments", operation="confirm", kind="lose_answer", times=as_often_as_attempts_are_allowed)
    order = stack.settled(stack.place())
    assert order.status == "confirmed"
    assert attempts_of(order, "authorize_payment") == 3, "at the third all calls are held, and the probe is asked"
    stack.check_books(order)
