"""What the carrier keeps: bookings."""

from __future__ import annotations

from typing import Any

from django.db import models

from ..common.keyed import NEW, Keyed
from ..common.models import AbstractFault, AbstractLedgerEntry


class Status(models.TextChoices):
    """Where a booking stands."""

    NEW = NEW, "being made; never committed"
    BOOKED = "booked", "has a label"
    CANCELLED = "cancelled", "cancelled, or taken back before it came"
    PICKED_UP = "picked_up", "fetched before anybody asked for that"
    DISPATCHED = "dispatched", "on its way"


class Booking(Keyed):
    """A place for a parcel, under a key."""

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)

    def __str__(self) -> str:
        return self.key

    @property
    def label(self) -> str:
        """What is printed on the parcel; "" when it was never booked."""
        return f"C-{self.pk:08d}" if self.order else ""

    @property
    def tracking(self) -> str:
        """What the customer looks for; "" before the parcel is with the carrier."""
        return f"TRK{self.pk:010d}" if self.status in (Status.PICKED_UP, Status.DISPATCHED) else ""

    def as_json(self) -> dict[str, Any]:
        body = {"key": self.key, "order": self.order, "label": self.label, "status": self.status}
        return {**body, "tracking": self.tracking} if self.tracking else body


class Fault(AbstractFault):
    """What will go wrong at the carrier."""

    def __str__(self) -> str:
        return f"{self.kind} {self.operation}"


class LedgerEntry(AbstractLedgerEntry):
    """What the carrier really did."""

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class RecallStatus(models.TextChoices):
    """What a recall came to."""

    NEW = NEW, "being made; never committed"
    STOPPED = "stopped", "the parcel was still at the depot, and goes back to its sender"
    ON_ITS_WAY = "on_its_way", "the parcel had left the depot, and goes on to its receiver"
    WITHDRAWN = "withdrawn", "the parcel goes on to its receiver after all, or the recall was taken back before it came"


class Recall(Keyed):
    """Somebody wants a parcel back, under a key."""

    tracking = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=RecallStatus.choices, default=RecallStatus.NEW)

    def __str__(self) -> str:
        return self.key

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "order": self.order, "tracking": self.tracking, "status": self.status}


class Departure(models.Model):
    """A parcel that somebody saw leave the depot."""

    tracking = models.CharField(primary_key=True, max_length=100)

    def __str__(self) -> str:
        return self.tracking
