"""Faults to come, and the ledger; each participant keeps both in its own database."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.utils import timezone

from outbox import trace


class Kind(models.TextChoices):
    """What goes wrong."""

    SLOW = "slow", "answers after `delay` seconds"
    FAIL = "fail", "answers 500 and applies nothing"
    REFUSE = "refuse", "says no, as its business may"
    LOSE_ANSWER = "lose_answer", "applies the call and drops the connection without an answer"
    DOWN = "down", "drops the connection and applies nothing"
    UNAVAILABLE = "unavailable", "answers 503 and applies nothing, as a company that is closed"


class AbstractFault(models.Model):
    """One thing that will go wrong: for one order or all, for one operation or `*`, so often or until it is removed."""

    operation = models.CharField(max_length=40, default="*")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    order = models.CharField(max_length=100, blank=True)
    times = models.PositiveIntegerField(null=True)
    delay = models.FloatField(default=0)
    code = models.CharField(max_length=100, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def take(cls, operation: str, order: str) -> Self | None:
        """The fault that hits this call, if any; one that is told how often counts down, once for each call."""
        objects: Any = cls._default_manager
        with transaction.atomic(using=objects.db):
            due = objects.select_for_update().filter(operation__in=[operation, "*"], order__in=[order, ""])
            fault: Self | None = due.exclude(times=0).order_by("id").first()
            if fault is not None and fault.times is not None:
                fault.times -= 1
                fault.save(update_fields=["times"])
        return fault

    def as_json(self) -> dict[str, Any]:
        names = ("id", "operation", "kind", "order", "times", "delay", "code")
        return {name: getattr(self, name) for name in names}


class AbstractLedgerEntry(models.Model):
    """One effect that really took place; a call that is replayed or refused leaves none."""

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
