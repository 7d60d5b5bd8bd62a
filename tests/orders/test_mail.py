"""The letters to the customer."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import transaction

from orders import status
from orders.events import OrderConfirmed
from orders.models import Order
from orders.services import place_order
from orders.subscribers import email_confirmation
from orders.validation import PlaceOrder
from outbox import Message, testing, trace
from outbox.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(wish: PlaceOrder) -> Order:
    return place_order(wish, idempotency_key="k1").order


def test_a_confirmed_order_is_confirmed_by_mail_once(order: Order, mailoutbox: list[EmailMessage]) -> None:
    with transaction.atomic():
        status.confirm_order(order.pk, "TRACK-1")
    testing.drain()
    testing.drain()
    (letter,) = mailoutbox
    assert letter.to == ["ann@example.com"]
    assert letter.subject == f"Your order {order.number} is on its way"
    for words in ("2 x Mug, 37.00 EUR", "1 x Lamp, 129.00 EUR", "once: 166.00 EUR", "TRACK-1", str(order.pk)):
        assert words in letter.body


def test_a_cancelled_order_is_told_why_and_that_nothing_was_charged(
    order: Order, mailoutbox: list[EmailMessage]
) -> None:
    with transaction.atomic():
        status.mark_cancelled(order.pk, "insufficient_funds")
    testing.drain()
    (letter,) = mailoutbox
    assert letter.subject == f"Your order {order.number} is cancelled"
    assert "Your bank said the card does not have enough funds." in letter.body
    assert "Your card was not charged." in letter.body


def test_a_letter_sent_twice_carries_one_message_id(order: Order, mailoutbox: list[EmailMessage]) -> None:
    with transaction.atomic():
        status.confirm_order(order.pk, "T")
    row = OutboxMessage.objects.get(type="orders.order_confirmed")
    (event,) = testing.published(OrderConfirmed)
    for attempt in (1, 2):
        message = Message(
            id=row.message_id,
            body=event,
            key=row.key,
            type=row.type,
            version=row.version,
            occurred_at=row.created_at,
            trace=trace.start(),
            attempt=attempt,
        )
        email_confirmation(message)
    assert {letter.extra_headers["Message-ID"] for letter in mailoutbox} == {f"<{row.message_id}@settle.example>"}
    assert len(mailoutbox) == 2
