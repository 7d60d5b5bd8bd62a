"""Every way in which a message can end, and whether a person is told: exactly when one must act."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from orders.choreography import journeys, turning
from orders.choreography.events import ShipmentBooked
from orders.models import Journey, JourneyStep, Order
from orders.participants import payments
from orders.participants.errors import AnswerLost
from orders.sagas import authorize_payment, book_shipment, capture_payment, commit_stock, reserve_stock
from orders.wording import customer_reason
from outbox.consuming import in_order, inbox
from outbox.declare.events import registry
from outbox.models import DeadLetter, Delivery, Hold, OutboxMessage
from outbox.operations import held_keys
from outbox.operations.requeue import requeue
from sagas import NotApplied
from sagas.models import StepStatus

from .driver import carry, relayed

pytestmark = pytest.mark.django_db(transaction=True)
LAST = {"payments.authorize_payment": 5, "payments.capture_payment": 4, "shop.close_order_on_payment_released": 8}


def told(order: Order) -> tuple[bool, int]:
    """Whether the order is on the desk, and how many dead letters there are."""
    order.refresh_from_db()
    return order.status == Order.Status.NEEDS_ATTENTION, DeadLetter.objects.count()


NOBODY, A_PERSON = (False, 0), (True, 1)


def at_its_last_attempt(subscriber: str, order: Order) -> None:
    """Deliver the message once, as often as it may be."""
    relayed()
    Delivery.objects.filter(subscriber=subscriber).update(
        attempts=LAST.get(subscriber, 8) - 1, held_until=None, due_at="2000-01-01T00:00Z"
    )
    with suppress(Exception):
        in_order.deliver_open(subscriber, [order.saga_key], again=True, go_on=lambda: None)


def after_all_workers_died(subscriber: str, order: Order) -> None:
    """The same once more often: each try was begun, and never ended."""
    relayed()
    Delivery.objects.filter(subscriber=subscriber).update(attempts=LAST.get(subscriber, 8), held_until=None)
    with suppress(inbox.GaveUp):
        in_order.deliver_open(subscriber, [order.saga_key], again=True, go_on=lambda: None)


def a_bug(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a bug of ours")


def about_to_capture(order: Order, asked: bool = False) -> None:
    """The parcel is booked; the charge was asked for, and nobody knows."""
    before = [step.name for step in (authorize_payment, reserve_stock, book_shipment)]
    held = '{"intent_id":"pi_1","amount":16600,"currency":"EUR"}'
    JourneyStep.objects.filter(name__in=before).update(status=StepStatus.DONE, attempts=1, result=held)
    OutboxMessage.objects.all().delete()
    with transaction.atomic():
        journey = Journey.objects.select_for_update().get()
        journeys.tell(journey, ShipmentBooked(order.pk, "b"))
    if asked:
        journeys.begin(order.pk, capture_payment)


# --- Before the charge ---------------------------------------------------------------------------------------------


def test_handled(order, story):
    story.expect_completed()
    assert told(order) == NOBODY


def test_refused(order, story):
    story.when(reserve_stock).refuses("out_of_stock")
    story.expect_undone(authorize_payment)
    assert told(order) == NOBODY


def test_given_up_before_the_charge_for_lost_answers(order, story):
    story.when(reserve_stock).fails(AnswerLost("warehouse", "no answer"), times=9)
    story.expect_undone(authorize_payment, reserve_stock)
    assert told(order) == NOBODY
    assert customer_reason(order) == "One of the companies we work with did not answer."


def test_given_up_before_the_charge_for_a_bug_of_ours_turns_the_order_and_nobody_need_act(order, story, monkeypatch):
    monkeypatch.setattr("orders.choreography.companies.payments.payment.note_hold", a_bug)
    with story.stage.set():
        at_its_last_attempt("payments.authorize_payment", order)
        assert Journey.objects.get().state == "undoing"
        assert told(order) == NOBODY
        carry(order.pk)
    assert told(order) == NOBODY
    assert order.status == "cancelled"
    assert customer_reason(order) == "Something went wrong on our side."


def test_given_up_before_the_charge_because_each_worker_died(order, story):
    with story.stage.set():
        after_all_workers_died("payments.authorize_payment", order)
        carry(order.pk)
    assert told(order) == NOBODY
    assert customer_reason(order) == "Something went wrong on our side."


def test_a_session_that_is_lost_at_the_last_attempt_turns_nothing_and_buries_nothing(order, story, monkeypatch):
    def lose_it(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with story.stage.set(), monkeypatch.context() as patch:
        patch.setattr("orders.choreography.companies.payments.payment.note_hold", lose_it)
        at_its_last_attempt("payments.authorize_payment", order)
        assert Journey.objects.get().state == "open"
    assert told(order) == NOBODY
    assert "Infrastructure failure" in Delivery.objects.get(subscriber="payments.authorize_payment").last_error
    story.expect_completed()


def test_a_session_that_is_lost_while_the_company_is_asked_spends_nothing(order, story, monkeypatch):
    with story.stage.set(), monkeypatch.context() as patch:
        patch.setattr(payments, "authorize", lambda *_a, **_k: (_ for _ in ()).throw(OperationalError("it is gone")))
        story.stage.forward.pop(authorize_payment.name, None)
        at_its_last_attempt("payments.authorize_payment", order)
    assert Journey.objects.get().state == "open"
    assert told(order) == NOBODY


# --- At the charge -------------------------------------------------------------------------------------------------


def test_given_up_at_the_charge_asks_the_probe_and_goes_on_when_it_was_done(order, story):
    about_to_capture(order, asked=True)
    story.when_probing(capture_payment).finds(payments.Capture("pi_1", 16600))
    with story.stage.set():
        after_all_workers_died("payments.capture_payment", order)
        assert JourneyStep.objects.get(name="capture_payment").status == "done"
    assert told(order) == NOBODY


@pytest.mark.parametrize("answer", [NotApplied(), None], ids=["it was not done", "no answer"])
def test_given_up_at_the_charge_is_a_persons_when_the_probe_does_not_say_that_it_was_done(order, story, answer):
    about_to_capture(order, asked=True)
    probing = story.when_probing(capture_payment)
    probing.finds(answer) if answer else probing.fails()
    with story.stage.set():
        after_all_workers_died("payments.capture_payment", order)
    assert told(order) == A_PERSON


def test_who_dies_of_asking_the_probe_does_so_once(order, story):
    about_to_capture(order, asked=True)
    story.when_probing(capture_payment).finds(payments.Capture("pi_1", 16600))
    relayed()
    Delivery.objects.filter(subscriber="payments.capture_payment").update(attempts=5)
    with story.stage.set(), suppress(inbox.GaveUp):
        in_order.deliver_open("payments.capture_payment", [order.saga_key], again=True, go_on=lambda: None)
    assert told(order) == A_PERSON


# --- After it, and on the way back ---------------------------------------------------------------------------------


def test_refused_after_the_charge(order, story):
    story.when(commit_stock).refuses("out_of_stock").expect_stuck("requeue its dead letter")
    assert told(order) == A_PERSON


def test_an_undo_that_is_given_up(order, story):
    story.when(reserve_stock).refuses("out_of_stock")
    story.when_undoing(authorize_payment).refuses("too_late")
    assert story.journey.state == "undoing"
    assert told(order) == A_PERSON


def test_an_undo_that_is_given_up_when_there_is_nothing_to_undo_any_more(order, story):
    turning.cancel(order.pk)
    with story.stage.set():
        after_all_workers_died("payments.cancel_authorization_on_cancel_requested", order)
    assert told(order) == NOBODY


def test_an_order_that_cannot_be_closed(order, story, monkeypatch):
    turning.cancel(order.pk)
    monkeypatch.setattr("orders.choreography.turning.status.mark_cancelled", a_bug)
    with story.stage.set():
        at_its_last_attempt("shop.close_order_on_cancel_requested", order)
    assert told(order) == A_PERSON
    monkeypatch.undo()
    requeue(DeadLetter.objects.get().pk)
    carry(order.pk)
    assert told(order) == NOBODY
    assert order.status == "cancelled"


# --- What nobody read, sent or wanted ------------------------------------------------------------------------------


def test_unreadable_and_requeued(order, story):
    OutboxMessage.objects.filter(type="orders.choreography.checkout_opened").update(payload='{"order_id": 7}')
    carry(order.pk)
    assert told(order) == A_PERSON
    assert "checkout_opened was given up" in order.status_reason
    dead = DeadLetter.objects.get()
    dead.payload = f'{{"order_id": "{order.pk}"}}'
    dead.save()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE outbox_published SET payload = %s WHERE message_id = %s", [dead.payload, dead.message_id]
        )
    requeue(dead.pk)
    story.expect_completed()
    assert told(order) == NOBODY


def test_one_for_a_subscriber_that_this_code_does_not_have(order, monkeypatch):
    relayed()
    declared = registry.subscribers["payments.authorize_payment"]
    monkeypatch.delitem(registry.subscribers, declared.name)
    with suppress(Exception):
        in_order.deliver_open(declared.name, [order.saga_key], again=True, go_on=lambda: None)
    assert told(order) == A_PERSON


def test_never_published(order, monkeypatch):
    OutboxMessage.objects.filter(type="orders.choreography.checkout_opened").update(
        type="orders.choreography.of_tomorrow", attempts=7
    )
    relayed()
    assert told(order) == A_PERSON
    assert "requeue the dead letter of the relay" in order.status_reason


def test_skipped_by_an_operator(order):
    OutboxMessage.objects.filter(type="orders.choreography.checkout_opened").update(
        type="orders.choreography.of_tomorrow"
    )
    relayed()
    Hold.objects.update(until="2100-01-01T00:00Z")
    held_keys.skip("tasks", order.saga_key, actor="ann", reason="It is nonsense")
    assert told(order) == A_PERSON


def test_a_last_word_that_fails_leaves_a_dead_letter_and_the_order_on_the_desk(order, story, monkeypatch):
    monkeypatch.setattr("orders.choreography.companies.payments.payment.note_hold", a_bug)
    monkeypatch.setattr("orders.choreography.turning.refuse", a_bug)
    with story.stage.set():
        at_its_last_attempt("payments.authorize_payment", order)
    assert told(order) == A_PERSON


def test_a_dead_letter_without_its_order_on_the_desk_is_never_seen(order, story, monkeypatch):
    """One transaction: where the order cannot be put on the desk, for a reason of ours, there is no dead letter yet."""
    seen: list[tuple[bool, int]] = []
    to_the_desk: Callable[..., None] = journeys.to_the_desk

    def slow(*given: Any) -> None:
        to_the_desk(*given)
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM outbox_dead_letter")
            letters = cursor.fetchone()[0]
            cursor.execute("SELECT count(*) FROM orders_order WHERE status = 'needs_attention'")
            seen.append((bool(cursor.fetchone()[0]), letters))
        other.close()

    monkeypatch.setattr(journeys, "to_the_desk", slow)
    about_to_capture(order, asked=True)
    story.when_probing(capture_payment).fails()
    with story.stage.set():
        after_all_workers_died("payments.capture_payment", order)
    assert seen == [NOBODY]
    assert told(order) == A_PERSON


def test_an_order_that_has_turned_meanwhile_is_nobodys(order, story):
    relayed()
    turning.cancel(order.pk)
    with story.stage.set():
        after_all_workers_died("payments.authorize_payment", order)
    assert told(order) == NOBODY


def test_a_refusal_names_its_own_reason(order, story):
    story.when(reserve_stock).refuses("out_of_stock")
    story.expect_undone(authorize_payment)
    assert customer_reason(order) == "The warehouse no longer has everything you ordered."
