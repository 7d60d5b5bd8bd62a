"""Orders that events carry, on the first page of the admin: each thing that needs a person is counted once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import transaction
from django.urls import reverse

from orders.lifecycle import status
from orders.models import Order
from orders.placing.place import place_order
from orders.sagas import commit_stock
from outbox.ids import uuid7
from outbox.models import DeadLetter
from sagas.front.causes import causes_for
from sagas.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


def told(user) -> list[tuple[str, str, str, int]]:
    return [(cause.about, cause.where, cause.why, cause.count) for cause in causes_for(user)]


def bury(key: str) -> None:
    DeadLetter.objects.create(
        message_id=uuid7(), type="orders.choreography.payment_captured", version=1, key=key, payload="{}", headers="{}",
        destination="tasks", subscriber="warehouse.commit_stock", attempts=8, error_class="KeyError", error="no",
    )  # fmt: skip


def test_an_order_by_events_is_counted_once_with_its_dead_letters(order, story, admin_user):
    story.when(commit_stock).refuses("released")
    story.expect_stuck()
    assert DeadLetter.objects.filter(key=order.saga_key).exists(), "the one that it is on the desk for"
    bury(order.saga_key)
    (cause,) = causes_for(admin_user)
    assert (cause.about, cause.where, cause.why, cause.count) == ("order by events", "Commit stock", "released", 1)
    assert cause.money == "166 EUR"
    assert "the warehouse gave the goods back" in cause.advice
    assert cause.url == reverse("admin:orders_order_change", args=[order.pk])
    Order.objects.update(status=Order.Status.CANCELLED)
    assert {about for about, *_ in told(admin_user)} == {"message"}, "of one that has ended they count by themselves"


def test_several_orders_with_one_cause_are_one_row(order, wish, admin_user):
    other = place_order(replace(wish, coordination="choreography"), idempotency_key="k2").order
    with transaction.atomic():
        for one in (order, other):
            status.mark_needs_attention(one.pk, "No event came.")
    (cause,) = causes_for(admin_user)
    assert (cause.count, cause.money) == (2, "332 EUR")
    assert cause.url.startswith(reverse("admin:orders_order_changelist"))


def test_an_order_that_a_saga_carries_is_counted_by_its_run_alone(wish, admin_user):
    order = place_order(wish, idempotency_key="k1").order
    Run.objects.update(status="stuck", desk_step="capture_payment", desk_code="bank_away")
    with transaction.atomic():
        status.mark_needs_attention(order.pk, "The bank is away.")
    assert told(admin_user) == [("checkout", "Capture payment", "bank_away", 1)]
    (cause,) = causes_for(admin_user)
    assert cause.money == "166 EUR"
