"""The bank's part: it holds the amount first, takes it when the parcel is booked, and lets go when somebody refuses."""

from __future__ import annotations

from uuid import UUID

from orders.lifecycle import payment
from orders.participants import payments
from orders.sagas import authorize_payment, capture_payment

from ..backward import undoes
from ..events import (
    WITHDRAWN,
    CaptureRefused,
    CheckoutOpened,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentRefused,
    PaymentReleased,
    ShipmentBooked,
    ShipmentRefused,
    StockRefused,
)
from ..forward import carries_out


def held_by(order_id: UUID, held: payments.Authorization) -> None:
    payment.note_hold(order_id, held.intent_id)


@carries_out(authorize_payment, on=CheckoutOpened, refused=PaymentRefused, noted=held_by)
def payment_authorized(order_id: UUID, held: payments.Authorization) -> PaymentAuthorized:
    return PaymentAuthorized(order_id, held.intent_id, held.amount, held.currency)


@undoes(authorize_payment, on=(PaymentRefused, StockRefused, ShipmentRefused, CaptureRefused, *WITHDRAWN))
def payment_released(order_id: UUID) -> PaymentReleased:
    return PaymentReleased(order_id)


def charged(order_id: UUID, captured: payments.Capture) -> None:
    payment.note_charge(order_id, captured.intent_id, captured.amount)


@carries_out(capture_payment, on=ShipmentBooked, refused=CaptureRefused, noted=charged)
def payment_captured(order_id: UUID, captured: payments.Capture) -> PaymentCaptured:
    return PaymentCaptured(order_id, captured.intent_id, captured.amount)
