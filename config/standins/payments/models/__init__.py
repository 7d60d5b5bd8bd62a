"""The card processor's tables."""

from .events import Delivery, Endpoint, Event
from .faults import Fault
from .payments import Charge, Dispute, Intent, LedgerEntry, Refund, StoredAnswer

__all__ = [
    "Charge",
    "Delivery",
    "Dispute",
    "Endpoint",
    "Event",
    "Fault",
    "Intent",
    "LedgerEntry",
    "Refund",
    "StoredAnswer",
]
