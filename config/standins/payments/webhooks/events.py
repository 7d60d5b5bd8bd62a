"""Events: written in the transaction of the change that they describe. They are the processor's outbox.

Source: https://docs.stripe.com/api/events/object and https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from .. import shapes
from ..models import Charge, Dispute, Event, Intent, Refund


@dataclass(frozen=True, slots=True)
class Caller:
    """The request that caused an event; empty for a background job."""

    request_id: str = ""
    idempotency_key: str = ""


NOBODY = Caller()
_caller: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


@contextmanager
def caused_by(caller: Caller) -> Iterator[None]:
    """Within the block, events name this request as their cause."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def of_intent(row: Intent, what: str) -> None:
    """Write the event `payment_intent.<what>`."""
    _happened(f"payment_intent.{what}", row.order, shapes.intent(row))


def of_charge(row: Charge, what: str) -> None:
    _happened(f"charge.{what}", row.intent.order, shapes.charge(row))


def of_refund(row: Refund, what: str) -> None:
    _happened(f"refund.{what}", row.intent.order, shapes.refund(row))


def of_dispute(row: Dispute, what: str) -> None:
    _happened(f"charge.dispute.{what}", row.charge.intent.order, shapes.dispute(row))


def _happened(kind: str, order: str, data: dict[str, Any]) -> None:
    by = _caller.get()
    Event.objects.create(
        type=kind, order=order, data=data, request_id=by.request_id, idempotency_key=by.idempotency_key
    )
