"""What the hotels keep: rooms by night, and the bookings on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q

from ..common.keyed import NEW, Keyed
from ..common.models import AbstractFault, AbstractLedgerEntry


class Hotel(models.Model):
    """A house, and what a room costs there."""

    code = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)
    price = models.PositiveIntegerField()  # minor units of the currency, one room for one night
    currency = models.CharField(max_length=3)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.code

    def as_json(self, nights: Sequence[Night]) -> dict[str, Any]:
        """The hotel, and how many rooms are left in each of these nights."""
        names = ("code", "name", "city", "price", "currency")
        left = [{"night": night.night.isoformat(), "left": night.left} for night in nights]
        return {**{name: getattr(self, name) for name in names}, "nights": left}


class Night(models.Model):
    """A hotel's rooms in one night. `booked` is the number of its open bookings, kept in their transactions."""

    hotel = models.CharField(max_length=100)
    night = models.DateField()
    rooms = models.PositiveIntegerField()
    booked = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        ordering: ClassVar = ["hotel", "night"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["hotel", "night"], name="one_row_a_night"),
            models.CheckConstraint(condition=Q(booked__lte=F("rooms")), name="booked_at_most_rooms"),
        ]

    def __str__(self) -> str:
        return f"{self.hotel} {self.night}"

    @property
    def left(self) -> int:
        """Rooms that can still be booked."""
        return self.rooms - self.booked


class Status(models.TextChoices):
    """Where a booking stands."""

    NEW = NEW, "being made; never committed"
    BOOKED = "booked", "has a room"
    CANCELLED = "cancelled", "cancelled, or taken back before it came"


class Booking(Keyed):
    """A room for some nights, under a key."""

    hotel = models.CharField(max_length=100, blank=True)
    arrives = models.DateField(null=True)
    nights = models.PositiveIntegerField(default=0)
    price = models.PositiveIntegerField(default=0)  # of the whole stay
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)

    def __str__(self) -> str:
        return self.key

    @property
    def reference(self) -> str:
        """What the guest says at the desk; "" when nothing was ever booked."""
        return f"H-{self.pk:08d}" if self.order else ""

    def days(self) -> list[date]:
        """The nights of the stay."""
        return [] if self.arrives is None else [self.arrives + timedelta(days=day) for day in range(self.nights)]

    def as_json(self) -> dict[str, Any]:
        names = ("key", "order", "hotel", "nights", "price", "status", "reference")
        arrives = self.arrives.isoformat() if self.arrives else ""
        return {"arrives": arrives, **{name: getattr(self, name) for name in names}}


class Fault(AbstractFault):
    """What will go wrong at the hotels."""

    def __str__(self) -> str:
        return f"{self.kind} {self.operation}"


class LedgerEntry(AbstractLedgerEntry):
    """What the hotels really did."""

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"
