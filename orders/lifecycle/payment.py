"""What an order keeps of its payment. Each function locks the order, in the transaction that records what happened."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from outbox import publish

from .. import story
from ..events import PaymentActionRequired
from ..locks import lock_order, note, save
from ..models import Order
from ..participants.payments import Action


def ask_to_confirm(order_id: UUID, action: Action) -> None:
    """The bank wants the customer to confirm the payment; they are told once. No-op when the order goes on no more."""
    order = lock_order(order_id)
    if order.status != Order.Status.PROCESSING or order.action_url == action.url:
        return
    save(order, payment_intent=action.intent_id, action_url=action.url)
    until = action.since + settings.ORDERS_CONFIRM_WITHIN
    publish(PaymentActionRequired(order.pk, order.number, order.email, action.url, until), key=order.saga_key)
    story.tell("order.customer_is_to_confirm", order=order.number)


def note_hold(order_id: UUID, payment_intent: str) -> None:
    """The bank holds the amount; in the transaction that records the authorisation."""
    note(lock_order(order_id), payment_intent=payment_intent, action_url="")


def note_charge(order_id: UUID, payment_intent: str, amount: int) -> None:
    """The card was charged `amount` minor units; in the transaction that records the capture."""
    save(lock_order(order_id), payment_intent=payment_intent, charged=amount, action_url="")


def note_found_charge(order_id: UUID, amount: int) -> None:
    """The processor says that the card was charged `amount`, and nobody has written it down; else no-op."""
    with transaction.atomic():
        if not (order := lock_order(order_id)).charged:
            save(order, charged=amount)


def note_other_charge(order_id: UUID, payment_intent: str, amount: int) -> None:
    """The card was charged `amount`, which is not what the order comes to; nothing goes on by itself."""
    with transaction.atomic():
        note(lock_order(order_id), payment_intent=payment_intent, charged=amount)
