"""What the airline keeps: flights with their seats, and the bookings on them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q

from ..common.keyed import NEW, Keyed
from ..common.models import AbstractFault, AbstractLedgerEntry


class Flight(models.Model):
    """One flight on one day. `booked` is the number of its open bookings and tickets, kept in their transactions."""

    code = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)
    departs = models.DateField()
    price = models.PositiveIntegerField()  # minor units of the currency, one seat
    currency = models.CharField(max_length=3)
    seats = models.PositiveIntegerField()
    booked = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        ordering: ClassVar = ["departs", "code"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(booked__lte=F("seats")), name="booked_at_most_seats")
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def left(self) -> int:
        """Seats that can still be booked."""
        return self.seats - self.booked

    def as_json(self) -> dict[str, Any]:
        names = ("code", "name", "city", "price", "currency", "left")
        return {"departs": self.departs.isoformat(), **{name: getattr(self, name) for name in names}}


class Status(models.TextChoices):
    """Where a booking stands."""

    NEW = NEW, "being made; never committed"
    BOOKED = "booked", "has a seat"
    CANCELLED = "cancelled", "cancelled, or taken back before it came"
    TICKETED = "ticketed", "has a ticket: it can be flown, and not be cancelled"


class Booking(Keyed):
    """A seat, under a key."""

    flight = models.CharField(max_length=100, blank=True)
    price = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)

    def __str__(self) -> str:
        return self.key

    @property
    def ticket(self) -> str:
        """What the traveller shows; "" before it is issued."""
        return f"TKT{self.pk:010d}" if self.status == Status.TICKETED else ""

    def as_json(self) -> dict[str, Any]:
        names = ("key", "order", "flight", "price", "status", "ticket")
        return {name: getattr(self, name) for name in names}


class Fault(AbstractFault):
    """What will go wrong at the airline."""

    def __str__(self) -> str:
        return f"{self.kind} {self.operation}"


class LedgerEntry(AbstractLedgerEntry):
    """What the airline really did."""

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"
