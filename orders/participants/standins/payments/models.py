"""What the card processor remembers."""

from __future__ import annotations

import secrets
import string
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from ..common.models import AbstractFault, AbstractLedgerEntry

LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """An id as Stripe's look: `pi_3Qx…`."""
    return f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(length))}"


def new_intent_id() -> str:
    return new_id("pi")


def new_refund_id() -> str:
    return new_id("re")


class Fault(AbstractFault):
    """`authorize` is another name for the operation `confirm`."""

    @classmethod
    def take(cls, operation: str, order: str) -> Self | None:
        found = super().take(operation, order)
        return super().take("authorize", order) if found is None and operation == "confirm" else found


class LedgerEntry(AbstractLedgerEntry):
    """Money that was held (`authorized`), charged (`captured`), let go (`canceled`) or given back (`refunded`)."""


class Intent(models.Model):
    """A payment from the wish to the charge. All amounts are in minor units of the currency."""

    class Status(models.TextChoices):
        REQUIRES_PAYMENT_METHOD = "requires_payment_method"
        REQUIRES_CONFIRMATION = "requires_confirmation"
        REQUIRES_CAPTURE = "requires_capture"
        SUCCEEDED = "succeeded"
        CANCELED = "canceled"

    objects: ClassVar[models.Manager[Intent]]

    id = models.CharField(primary_key=True, max_length=40, default=new_intent_id)
    order = models.CharField(max_length=100)
    amount = models.BigIntegerField()
    amount_capturable = models.BigIntegerField(default=0)
    amount_received = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=30, choices=Status.choices)
    capture_method = models.CharField(max_length=10)
    payment_method = models.CharField(max_length=100, blank=True)
    client_secret = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    receipt_email = models.CharField(max_length=254, blank=True)
    metadata = models.JSONField(default=dict)
    latest_charge = models.CharField(max_length=40, blank=True)
    last_payment_error = models.JSONField(null=True)
    cancellation_reason = models.CharField(max_length=40, blank=True)
    canceled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    capture_outages = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.id


class Refund(models.Model):
    """Money given back."""

    objects: ClassVar[models.Manager[Refund]]

    id = models.CharField(primary_key=True, max_length=40, default=new_refund_id)
    intent = models.ForeignKey(Intent, models.PROTECT)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=40, blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.id


class StoredAnswer(models.Model):
    """The answer that a request with an idempotency key got, to be given again."""

    objects: ClassVar[models.Manager[StoredAnswer]]

    key = models.CharField(primary_key=True, max_length=255)
    path = models.CharField(max_length=300)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.key
