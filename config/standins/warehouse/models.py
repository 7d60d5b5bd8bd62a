"""What the warehouse keeps: pieces, and the reservations on them."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from ..common.keyed import NEW, Keyed
from ..common.models import AbstractFault, AbstractLedgerEntry


class Stock(models.Model):
    """The pieces of one SKU. `reserved` is the sum of its open reservations, kept in their transactions."""

    sku = models.CharField(max_length=100, primary_key=True)
    on_hand = models.PositiveIntegerField()
    reserved = models.PositiveIntegerField(default=0)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        ordering: ClassVar = ["sku"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(reserved__lte=F("on_hand")), name="reserved_at_most_on_hand")
        ]

    def __str__(self) -> str:
        return self.sku

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


class Status(models.TextChoices):
    """Where a reservation stands."""

    NEW = NEW, "being made; never committed"
    RESERVED = "reserved", "put aside"
    RELEASED = "released", "given back, or taken back before it came"
    COMMITTED = "committed", "taken out of the stock"
    EXPIRED = "expired", "given back, since nobody took it in time"


class Reservation(Keyed):
    """Pieces put aside under a key."""

    lines = models.JSONField(default=list)  # [{"sku", "quantity"}], as they were asked for
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.NEW)
    expires_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=Q(status="reserved"), name="reservation_expires")
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_due(self) -> bool:
        """Whether its time is up, and the pieces are still put aside."""
        return self.status == Status.RESERVED and self.expires_at is not None and self.expires_at <= timezone.now()

    def as_json(self) -> dict[str, Any]:
        body = {"key": self.key, "order": self.order, "lines": self.lines, "status": self.status}
        return {**body, "expires_at": self.expires_at.isoformat() if self.expires_at else None}


class Fault(AbstractFault):
    """What will go wrong in the warehouse."""

    def __str__(self) -> str:
        return f"{self.kind} {self.operation}"


class LedgerEntry(AbstractLedgerEntry):
    """What the warehouse really did."""

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class RestockStatus(models.TextChoices):
    """Where a return stands."""

    NEW = NEW, "being made; never committed"
    SHELVED = "shelved", "the pieces are on the shelf again"
    WITHDRAWN = "withdrawn", "taken off the shelf again, or taken back before it came"


class Restock(Keyed):
    """Pieces that came back under a key."""

    lines = models.JSONField(default=list)  # [{"sku", "quantity"}], as they were announced
    status = models.CharField(max_length=9, choices=RestockStatus.choices, default=RestockStatus.NEW)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    def __str__(self) -> str:
        return self.key

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "order": self.order, "lines": self.lines, "status": self.status}
