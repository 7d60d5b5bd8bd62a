"""An order carried by events that waits for its customer: no attempt is spent, and it is woken when they acted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.choreography.waking import wake
from orders.models import Journey, JourneyStep
from orders.sagas import authorize_payment, reserve_stock
from outbox.models import DeadLetter, Delivery

from .driver import deliver, relayed

pytestmark = pytest.mark.django_db
AN_HOUR = timedelta(hours=1)


def test_any_number_of_looks_spends_no_attempt(story):
    story.when(authorize_payment).awaits(times=10).expect_completed().expect_attempts(authorize_payment, 11)
    assert not DeadLetter.objects.exists()


def test_a_wait_that_ends_in_a_no_undoes_what_was_asked_for(story):
    story.when(authorize_payment).awaits().when(authorize_payment).refuses("not_confirmed")
    story.expect_undone(authorize_payment)


def test_the_shop_keeps_what_was_charged(story, order):
    story.expect_completed()
    order.refresh_from_db()
    assert (order.payment_intent, order.charged) == ("pi_1", 16600)


def test_a_wake_brings_the_next_look_forward(story, order):
    story.when(authorize_payment).awaits(AN_HOUR)
    with story.stage.set():
        for one in relayed():
            for subscriber in one.to:
                deliver(one, subscriber)
    assert JourneyStep.objects.get(journey=order.pk, name="authorize_payment").status == "waiting"
    assert not wake(order.pk, reserve_stock)
    late = Delivery.objects.filter(subscriber="payments.authorize_payment", due_at__gt=timezone.now() + AN_HOUR / 2)
    assert late.exists()
    assert wake(order.pk, authorize_payment)
    assert not late.exists()


def test_an_order_that_waits_for_a_participant_is_not_woken(story, order):
    JourneyStep.objects.filter(name="authorize_payment").update(status="waiting")
    Journey.objects.update(waits_for="payments")
    assert not wake(order.pk, authorize_payment)
