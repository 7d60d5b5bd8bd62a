"""What the shop does about events: it writes to the customer, and listens to the warehouse.

A letter is sent before the transaction that records it. When the mail server took it and we died before we wrote that
down, it is sent again: both letters then carry the same Message-ID, by which mail systems drop the second.
"""

from __future__ import annotations

from outbox import Message, Retry, subscribe

from .cancelling import expired_reservation
from .catalogue import availability
from .choreography import companies, dead_letters  # noqa: F401 - who reacts to what, by events alone
from .events import OrderCancelled, OrderConfirmed, OrderPlaced
from .lifecycle import unrecorded
from .mail import letters, sent_log
from .models import Notice
from .participants.warehouse_events import ReservationExpired, StockChanged
from .webhooks.retry_after import asked_later

PATIENT = Retry(attempts=8)


def write_received(message: Message[OrderPlaced]) -> Notice | None:
    """That we have the order, and charge nothing yet; not once the order has gone further."""
    return _written(sent_log.begin_notice(message.body.order_id, Notice.Kind.RECEIVED, _id(message)))


def write_confirmation(message: Message[OrderConfirmed]) -> Notice | None:
    """That the order is paid and on its way; of one that a person closed, what the card processor says was charged."""
    if not message.body.tracking:
        with asked_later():
            unrecorded.find_charge(message.body.order_id)
    return _written(sent_log.begin_notice(message.body.order_id, Notice.Kind.CONFIRMATION, _id(message)))


def write_last_word(message: Message[OrderCancelled]) -> Notice | None:
    """That the order is cancelled, why, and what became of the money; with an apology for what we wrote before."""
    return _written(sent_log.begin_last_word(message.body.order_id, _id(message)))


@subscribe(OrderPlaced, name="orders.email_received", retry=PATIENT, call=write_received)
def email_received(message: Message[OrderPlaced], notice: Notice | None) -> None:
    sent_log.note_sent(notice)


@subscribe(OrderConfirmed, name="orders.email_confirmation", retry=PATIENT, call=write_confirmation)
def email_confirmation(message: Message[OrderConfirmed], notice: Notice | None) -> None:
    sent_log.note_sent(notice)


@subscribe(OrderCancelled, name="orders.email_cancellation", retry=PATIENT, call=write_last_word)
def email_cancellation(message: Message[OrderCancelled], notice: Notice | None) -> None:
    sent_log.note_sent(notice)


@subscribe(StockChanged, name="orders.note_availability")
def note_availability(message: Message[StockChanged]) -> None:
    """What the shop shows as available follows the warehouse at once; asking every ten seconds is the floor."""
    availability.note(message.body.sku, message.body.available)


@subscribe(ReservationExpired, name="orders.goods_given_away")
def goods_given_away(message: Message[ReservationExpired]) -> None:
    """An order that is not charged yet is undone: it would be charged for what may be gone."""
    expired_reservation.given_away(message.body.order)


def _written(notice: Notice | None) -> Notice | None:
    if notice is not None:
        letters.send(notice)
    return notice


def _id(message: Message[OrderPlaced] | Message[OrderConfirmed] | Message[OrderCancelled]) -> str:
    return letters.message_id(message.id)
