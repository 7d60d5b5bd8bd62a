"""Faults and the ledger. Each company keeps both in its own database."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from outbox.messages import trace

from . import operations


class AbstractFault(models.Model):
    """One thing that will go wrong: for one order or all, for one operation or `*`; a number of times, for a time, or
    until it is removed."""

    operation = models.CharField(max_length=40, default=operations.ALL)
    kind = models.CharField(max_length=24)
    order = models.CharField(max_length=100, blank=True)
    times = models.PositiveIntegerField(null=True)
    delay = models.FloatField(default=0)
    code = models.CharField(max_length=100, blank=True)
    hits = models.PositiveIntegerField(default=0)
    set_by = models.CharField(max_length=150, blank=True)
    set_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @classmethod
    def take(cls, operation: str, order: str) -> Self | None:
        """The fault that hits this call, or None. Counts down the fault's number of times.

        A fault for this order comes before one for all, then one for this operation before one for `*`, then the older.
        Raises NoSuch for an operation that the company does not list: no fault could name it.
        """
        kinds = list(operations.found(cls._meta.app_label, operation).kinds)
        return cls._first(operation__in=[operation, operations.ALL], kind__in=kinds, order__in=[order, ""])

    @classmethod
    def take_uncalled(cls, operation: str, kind: str, order: str) -> Self | None:
        """The fault of this operation and kind that hits the order. For background jobs: `*` names calls only."""
        return cls._first(operation=operation, kind=kind, order__in=[order, ""])

    @classmethod
    def active(cls) -> Any:
        """The faults that can still hit, oldest first."""
        objects: Any = cls._default_manager
        lasting = Q(until=None) | Q(until__gt=timezone.now())
        return objects.filter(lasting).exclude(times=0).order_by("id")

    @classmethod
    def _first(cls, **where: Any) -> Self | None:
        due = cls.active().filter(**where)
        with transaction.atomic(using=due.db):
            faults: list[Self] = list(due.select_for_update())
            fault = min(faults, key=lambda one: (not one.order, one.operation == operations.ALL), default=None)
            if fault is not None:
                fault.times = None if fault.times is None else fault.times - 1
                fault.hits += 1
                fault.save(update_fields=["times", "hits"])
        return fault

    @property
    def says(self) -> str:
        """What it does, in words."""
        return operations.kinds(self._meta.app_label, self.operation).get(self.kind, self.kind)

    def as_json(self) -> dict[str, Any]:
        names = ("id", "operation", "kind", "order", "times", "delay", "code", "hits", "set_by")
        times = {"set_at": self.set_at.isoformat(), "until": self.until and self.until.isoformat()}
        return {name: getattr(self, name) for name in names} | times


class AbstractLedgerEntry(models.Model):
    """One effect that really took place. A replayed or refused call leaves none."""

    at = models.DateTimeField(default=timezone.now)
    order = models.CharField(max_length=100, db_index=True)
    operation = models.CharField(max_length=40)
    key = models.CharField(max_length=255)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    traceparent = models.CharField(max_length=55, blank=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["id"]

    @classmethod
    def write(cls, order: str, operation: str, key: str, **details: Any) -> None:
        """Add an entry, in the transaction of the effect itself."""
        current = trace.current()
        objects: Any = cls._default_manager
        objects.create(
            order=order,
            operation=operation,
            key=key,
            details=details,
            request_id=current.request_id,
            traceparent=current.traceparent,
        )

    def as_json(self) -> dict[str, Any]:
        names = ("order", "operation", "key", "request_id", "traceparent")
        return {"at": self.at.isoformat(), **{name: getattr(self, name) for name in names}, **self.details}
