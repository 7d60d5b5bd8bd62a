"""What the customer is told while the order stands still: the truth, and nothing that we do not know."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from orders.presentation.timeline import Timeline
from sagas import desk
from sagas.models import Run, Step
from sagas.participants import breaker
from sagas.participants.waiting import hold

pytestmark = pytest.mark.django_db
OUT_OF_TOUCH = "We are out of touch with the warehouse just now, and go on by ourselves as soon as that is over."


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    """Its money is held; the warehouse is next."""
    placed = place_order(wish, idempotency_key="k1").order
    Step.objects.filter(name="authorize_payment").update(status="done", attempts=1)
    Run.objects.update(position=1)
    return placed


def waits(position: int, name: str, *, undo: bool = False) -> None:
    breaker.open_by_hand(name, "ann: they moved house")
    assert hold(Run.objects.get().pk, position, undo, name)


def shown(order: Order) -> Timeline:
    order.refresh_from_db()
    return Timeline.of(order)


def test_an_order_that_waits_says_for_whom_and_when_waiting_ends(client: Client, order: Order) -> None:
    Run.objects.update(deadline_at=timezone.now() + timedelta(minutes=27, seconds=-5))
    waits(1, "warehouse")
    timeline = shown(order)
    assert timeline.headline == "Your order waits for the warehouse."
    limit = "Should that take longer than 27 minutes, we cancel the order and charge nothing."
    assert timeline.reason == f"{OUT_OF_TOUCH} {limit}"
    assert timeline.charge == "Your card has not been charged."
    assert [step.label for step in timeline.steps[:3]] == ["done", "waiting", "to do"]
    assert timeline.can_cancel
    page = client.get(f"/orders/{order.pk}/").content.decode()
    assert "Your order waits for the warehouse." in page
    assert "working on" not in page


def test_a_step_that_was_tried_before_promises_no_attempt_while_it_waits(order: Order) -> None:
    Step.objects.filter(position=1).update(status="waiting", attempts=2, next_attempt_at=timezone.now())
    waits(1, "warehouse")
    step = shown(order).steps[1]
    assert (step.title, step.label, step.note) == ("Confirming availability", "waiting", "")


def test_a_paid_order_that_waits_names_no_time_after_which_it_is_cancelled(order: Order) -> None:
    Step.objects.filter(position__lt=4).update(status="done", attempts=1)
    Run.objects.update(position=4)
    waits(4, "warehouse")
    timeline = shown(order)
    assert timeline.reason == OUT_OF_TOUCH
    assert timeline.charge == "Your card was charged 166.00 EUR, once."
    assert not timeline.can_cancel


@pytest.mark.parametrize(("attempts", "may_cancel"), [(2, True), (3, False)])
def test_a_charge_that_never_reached_the_bank_can_be_cancelled_and_is_not_said_to_be_under_way(
    client: Client, order: Order, attempts: int, may_cancel: bool
) -> None:
    Step.objects.filter(position__lt=3).update(status="done", attempts=1)
    Step.objects.filter(position=3).update(status="waiting", attempts=attempts, forgiven=2)
    Run.objects.update(position=3)
    timeline = shown(order)
    charge = "Your card has not been charged." if may_cancel else "Your card is being charged, once."
    assert (timeline.charge, timeline.can_cancel) == (charge, may_cancel)
    assert client.post(f"/api/orders/{order.pk}/cancel").status_code == (200 if may_cancel else 409)


def test_an_order_that_is_being_cancelled_and_waits_says_both(order: Order) -> None:
    Order.objects.update(status="cancelling", status_reason="cancelled")
    Step.objects.filter(position=0).update(status="undo_due")
    Run.objects.update(status="undoing", position=0)
    waits(0, "payments", undo=True)
    timeline = shown(order)
    assert timeline.headline == "Your order is being cancelled."
    assert timeline.reason.startswith("You cancelled it. We are out of touch with the bank just now")
    assert (timeline.steps[0].title, timeline.steps[0].label) == ("Releasing any hold on your card", "waiting")


def test_a_paused_order_says_that_one_of_us_holds_it_and_then_that_it_goes_on(client: Client, order: Order) -> None:
    ann = get_user_model().objects.create_user("ann")
    desk.pause(Run.objects.get().pk, actor=ann, reason="asks the customer first")
    timeline = shown(order)
    assert timeline.headline == "We have put your order on hold."
    assert timeline.reason == "One of us looks at it before it goes on. You need not do anything."
    assert [step.label for step in timeline.steps[:3]] == ["done", "on hold", "to do"]
    seen = timeline.fingerprint
    desk.resume(Run.objects.get().pk, actor=ann, reason="asked")
    timeline = shown(order)
    assert timeline.headline == "We are working on your order."
    assert timeline.reason == ""
    assert timeline.fingerprint != seen


def test_a_step_in_a_workers_hands_is_shown_as_it_is_while_the_order_is_paused(order: Order) -> None:
    ann = get_user_model().objects.create_user("ann")
    Step.objects.filter(position=1).update(status="running", attempts=1)
    desk.pause(Run.objects.get().pk, actor=ann, reason="asks the customer first")
    assert shown(order).steps[1].label == "working"
