"""Payments, charges, refunds, disputes and the ledger. All amounts are in minor units of the currency."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from ...common.models import AbstractLedgerEntry
from ..ids import new_charge_id, new_dispute_id, new_intent_id, new_refund_id


class LedgerEntry(AbstractLedgerEntry):
    """A movement of money: `authorized` (held), `captured` (charged), `canceled` (released), `refunded`,
    `refund_failed` (back from a failed refund), `disputed` (taken for a dispute) or `dispute_won` (returned).
    """


class Intent(models.Model):
    """A payment, from its creation to its charge."""

    class Status(models.TextChoices):
        REQUIRES_PAYMENT_METHOD = "requires_payment_method"
        REQUIRES_CONFIRMATION = "requires_confirmation"
        REQUIRES_ACTION = "requires_action"
        REQUIRES_CAPTURE = "requires_capture"
        SUCCEEDED = "succeeded"
        CANCELED = "canceled"

    objects: ClassVar[models.Manager[Intent]]

    id = models.CharField(primary_key=True, max_length=40, default=new_intent_id)
    order = models.CharField(max_length=100)
    amount = models.BigIntegerField()
    amount_capturable = models.BigIntegerField(default=0)
    amount_received = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=30, choices=Status.choices)
    capture_method = models.CharField(max_length=10)
    automatic_payment_methods = models.JSONField(null=True)
    payment_method = models.CharField(max_length=100, blank=True)
    client_secret = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    receipt_email = models.CharField(max_length=254, blank=True)
    metadata = models.JSONField(default=dict)
    latest_charge = models.CharField(max_length=40, blank=True)
    last_payment_error = models.JSONField(null=True)
    next_action = models.JSONField(null=True)
    return_url = models.CharField(max_length=2000, blank=True)
    confirmation_key = models.CharField(max_length=255, blank=True)
    cancellation_reason = models.CharField(max_length=40, blank=True)
    canceled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    capture_outages = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["order"], name="intent_of_order")]

    def __str__(self) -> str:
        return self.id


class Charge(models.Model):
    """One attempt to take money from a card. A hold lasts until the capture, or until `capture_before`."""

    class Status(models.TextChoices):
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    objects: ClassVar[models.Manager[Charge]]

    id = models.CharField(primary_key=True, max_length=40, default=new_charge_id)
    intent = models.ForeignKey(Intent, models.PROTECT)
    intent_id: str
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SUCCEEDED)
    amount = models.BigIntegerField()
    amount_captured = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    captured = models.BooleanField(default=False)
    disputed = models.BooleanField(default=False)
    authenticated = models.BooleanField(default=False)
    payment_method = models.CharField(max_length=100)
    failure_code = models.CharField(max_length=100, blank=True)
    failure_message = models.TextField(blank=True)
    capture_before = models.DateTimeField(null=True)
    captured_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["capture_before"], condition=models.Q(capture_before__isnull=False), name="charge_to_expire"
            )
        ]

    def __str__(self) -> str:
        return self.id


class Refund(models.Model):
    """A refund. `settles_at` is when the bank's final answer comes; null once it has come."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    objects: ClassVar[models.Manager[Refund]]

    id = models.CharField(primary_key=True, max_length=40, default=new_refund_id)
    intent = models.ForeignKey(Intent, models.PROTECT)
    intent_id: str
    amount = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SUCCEEDED)
    failure_reason = models.CharField(max_length=40, blank=True)
    settles_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=40, blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["settles_at"], condition=models.Q(settles_at__isnull=False), name="refund_to_settle")
        ]

    def __str__(self) -> str:
        return self.id


class Dispute(models.Model):
    """A customer's demand, through the bank, to get a charge back."""

    class Status(models.TextChoices):
        NEEDS_RESPONSE = "needs_response"
        WON = "won"
        LOST = "lost"

    objects: ClassVar[models.Manager[Dispute]]

    id = models.CharField(primary_key=True, max_length=40, default=new_dispute_id)
    charge = models.OneToOneField(Charge, models.PROTECT)
    charge_id: str
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=40)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.NEEDS_RESPONSE)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.id


class StoredAnswer(models.Model):
    """The stored answer to a request with an idempotency key."""

    objects: ClassVar[models.Manager[StoredAnswer]]

    key = models.CharField(primary_key=True, max_length=255)
    path = models.CharField(max_length=300)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.key
