"""How an order's status changes, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from orders import locks
from orders.cancelling.customer_request import cancel_order
from orders.errors import OrderChanged, UnexpectedStatus
from orders.lifecycle import status
from orders.models import Order
from orders.placing.place import place_order
from orders.placing.validation import PlaceOrder
from outbox.models import OutboxMessage
from sagas.models import Act, Run, Step

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


def told(kind: str) -> int:
    return OutboxMessage.objects.filter(type=kind).count()


def test_a_confirmed_order_has_its_tracking_number_and_is_told_of_once(order: Order) -> None:
    status.confirm_order(order.pk, "TRACK-1")
    status.confirm_order(order.pk, "TRACK-1")
    order.refresh_from_db()
    assert (order.status, order.tracking, order.version) == ("confirmed", "TRACK-1", 2)
    assert told("orders.order_confirmed") == 1


def test_a_cancelled_order_keeps_the_first_reason(order: Order) -> None:
    status.mark_cancelling(order.pk, "card_declined")
    status.mark_cancelled(order.pk, "")
    status.mark_cancelling(order.pk, "cancelled")
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("cancelled", "card_declined")
    assert told("orders.order_cancelled") == 1


def test_an_order_on_a_persons_desk_can_end_both_ways(order: Order) -> None:
    status.mark_needs_attention(order.pk, "capture in doubt " * 100)
    status.mark_processing(order.pk)
    status.mark_needs_attention(order.pk, "again")
    status.confirm_order(order.pk, "")
    assert told("orders.order_needs_attention") == 2
    assert told("orders.order_confirmed") == 1


@pytest.mark.parametrize(
    "later",
    [
        lambda pk: status.mark_cancelled(pk, "deadline"),
        lambda pk: status.mark_cancelling(pk, "cancelled"),
        lambda pk: status.mark_needs_attention(pk, "?"),
        lambda pk: status.mark_processing(pk),
    ],
)
def test_a_confirmed_order_stays_confirmed(order: Order, later: Callable[[UUID], None]) -> None:
    status.confirm_order(order.pk, "T")
    with pytest.raises(UnexpectedStatus):
        later(order.pk)
    order.refresh_from_db()
    assert order.status == "confirmed"


def test_a_cancelled_order_is_never_confirmed(order: Order) -> None:
    status.mark_cancelled(order.pk, "deadline")
    with pytest.raises(UnexpectedStatus):
        status.confirm_order(order.pk, "T")


def test_a_lost_update_is_an_error(order: Order) -> None:
    stale = Order.objects.get(pk=order.pk)
    locks.save(order, status_reason="first")
    with pytest.raises(OrderChanged):
        locks.save(stale, status_reason="second")
    order.refresh_from_db()
    assert (order.status_reason, order.version) == ("first", 2)


@pytest.mark.django_db(transaction=True)
def test_a_locked_order_is_not_changed_by_another_connection(order: Order) -> None:
    other = connection.copy()
    try:
        with transaction.atomic():
            locks.lock_order(order.pk)
            with other.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
                with pytest.raises(DatabaseError, match="lock timeout"):
                    cursor.execute("UPDATE orders_order SET email = 'x' WHERE id = %s", [order.pk])
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_an_order_is_not_locked_outside_a_transaction(order: Order) -> None:
    with pytest.raises(TransactionManagementError):
        locks.lock_order(order.pk)


def test_cancelling_before_anything_was_done_cancels_at_once(order: Order) -> None:
    assert cancel_order(order)
    order.refresh_from_db()
    assert (order.status, order.status_reason) == ("cancelled", "cancelled")
    assert cancel_order(order)
    assert Act.objects.get().verb == "cancel"
    assert told("orders.order_cancelled") == 1


def test_cancelling_while_something_is_to_be_undone_says_so(order: Order) -> None:
    run = advance(order, done=2)
    assert cancel_order(order)
    order.refresh_from_db()
    run.refresh_from_db()
    assert (order.status, run.status) == ("cancelling", "undoing")


def test_cancelling_after_the_payment_is_too_late_and_changes_nothing(order: Order) -> None:
    advance(order, done=4)
    assert not cancel_order(order)
    order.refresh_from_db()
    assert (order.status, order.version) == ("processing", 1)


def test_cancelling_a_confirmed_order_is_too_late(order: Order) -> None:
    Run.objects.update(status="completed", position=7)
    status.confirm_order(order.pk, "T")
    assert not cancel_order(order)


def advance(order: Order, *, done: int) -> Run:
    """The order's run as it stands when so many steps are done."""
    run = Run.objects.get(key=order.saga_key)
    Step.objects.filter(run=run, position__lt=done).update(status="done", attempts=1)
    Run.objects.filter(pk=run.pk).update(position=done)
    return run
