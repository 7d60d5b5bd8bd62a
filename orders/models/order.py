"""What a customer asked for: an order and its lines."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Concat, Upper
from django.urls import reverse

from ..amounts import AmountField, currency_field, known


def next_number() -> Concat:
    """S-100001, S-100002 …: taken by PostgreSQL within the INSERT, so two orders never share one. Gaps are normal."""
    sequence = models.Func(
        models.Value("orders_order_number"), function="nextval", output_field=models.BigIntegerField()
    )
    return Concat(models.Value("S-"), Cast(sequence, models.TextField()), output_field=models.TextField())


class Order(models.Model):
    """What a customer asked for, and how far it has come. Changed through `orders.locks` alone."""

    class Status(models.TextChoices):
        """Where the order stands; each says who acts next."""

        PROCESSING = "processing", "Processing"
        """It is carried on; nobody needs to act."""
        CONFIRMED = "confirmed", "Confirmed"
        """Paid, and on its way. Final."""
        CANCELLING = "cancelling", "Cancelling"
        """What was done for it is being undone; nobody needs to act."""
        CANCELLED = "cancelled", "Cancelled"
        """All undone; the card was not charged, or an operator saw to it that the money goes back. Final."""
        NEEDS_ATTENTION = "needs_attention", "Needs attention"
        """Stuck: an operator decides in the admin."""

    class Coordination(models.TextChoices):
        """How the order is carried through payment, warehouse and carrier; chosen when it is placed, for good."""

        SAGA = "saga", "Saga"
        """One saga asks the one after the other: `orders/sagas.py`."""
        CHOREOGRAPHY = "choreography", "Choreography"
        """By events alone, each company reacting to what it hears: `orders/choreography/`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True, editable=False, db_default=next_number())
    email = models.EmailField()
    payment_method = models.CharField(max_length=64)
    coordination = models.CharField(
        max_length=12, choices=Coordination.choices, default=Coordination.SAGA, db_default=Coordination.SAGA
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PROCESSING)
    status_reason = models.CharField(max_length=500, blank=True, help_text="Why it is cancelled or needs attention.")
    action_url = models.CharField(
        max_length=2000, blank=True, help_text="Where the customer confirms the payment, while the bank asks for that."
    )
    payment_intent = models.CharField(max_length=100, blank=True, help_text="The card processor's id of the payment.")
    charged = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="What the card was charged, in minor units of the currency; refunds aside."
    )
    tracking = models.CharField(max_length=100, blank=True, help_text="The carrier's number of the parcel.")
    total = AmountField()
    currency = currency_field()
    idempotency_key = models.CharField(max_length=255, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    basket_hash = models.CharField(
        max_length=64, blank=True, db_default="", editable=False, help_text="The same for orders of the same things."
    )
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts changes; see orders/locks.py.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="order_newest_first"),
            models.Index(fields=["status", "-created_at"], name="order_by_status"),
            # What the desk's first page counts of orders that no run carries.
            models.Index(
                fields=["created_at"],
                condition=models.Q(status="needs_attention", coordination="choreography"),
                name="order_events_on_desk",
            ),
            models.Index(Upper("email"), name="order_by_email"),
            models.Index(fields=["basket_hash", "-created_at"], condition=~Q(basket_hash=""), name="order_by_basket"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_not_negative"),
            known("order"),
            models.UniqueConstraint(
                fields=["idempotency_key"], condition=~Q(idempotency_key=""), name="order_once_per_idempotency_key"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """The page on which the customer follows the order."""
        return reverse("order", args=[self.pk])

    @property
    def saga_key(self) -> str:
        """The key of the order's saga and of its events."""
        return f"order:{self.pk}"

    @property
    def is_final(self) -> bool:
        """Nothing will change any more."""
        return self.status in {self.Status.CONFIRMED, self.Status.CANCELLED}


class OrderLine(models.Model):
    """One product of an order, at the name and price of the moment it was ordered."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    sku = models.CharField("SKU", max_length=64)
    name = models.CharField(max_length=200)
    unit_price = AmountField(currency="order.currency")
    quantity = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_quantity_positive"),
            models.UniqueConstraint(fields=["order", "sku"], name="order_line_once_per_sku"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"

    @property
    def total(self) -> Decimal:
        """What the line costs."""
        return self.unit_price * self.quantity
