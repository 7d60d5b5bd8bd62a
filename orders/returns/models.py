"""What comes back of an order, and the money for it."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Concat, Now

from orders.amounts import AmountField, currency_field, known
from orders.models import Order, OrderLine


def next_number() -> Concat:
    """R-100001, R-100002 …: taken by PostgreSQL within the INSERT. Gaps are normal."""
    sequence = models.Func(
        models.Value("returns_return_number"), function="nextval", output_field=models.BigIntegerField()
    )
    return Concat(models.Value("R-"), Cast(sequence, models.TextField()), output_field=models.TextField())


class Return(models.Model):
    """Some or all pieces of one order that come back. Changed by `returns.status` alone."""

    class Status(models.TextChoices):
        """Where the return stands; each says who acts next."""

        REQUESTED = "requested", "Requested"
        """The carrier and the warehouse are being told; nobody needs to act."""
        REFUNDING = "refunding", "Refunding"
        """The goods count as ours again and the money is owed; nobody needs to act."""
        DONE = "done", "Done"
        """The money was given back. Final, unless the bank reports later that it could not be."""
        DECLINED = "declined", "Declined"
        """Could not be taken back; what was done for it is undone and nothing was refunded. Final."""
        NEEDS_ATTENTION = "needs_attention", "Needs attention"
        """Stuck: an operator decides in the admin."""

    class Parcel(models.TextChoices):
        """What became of the order's parcel."""

        KEPT = "", "not wanted back"
        """Other pieces in it are still wanted, so that nobody stopped it."""
        STOPPED = "stopped", "stopped by the carrier"
        ON_ITS_WAY = "on_its_way", "on its way to the customer"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True, editable=False, db_default=next_number())
    order = models.ForeignKey(Order, models.PROTECT, related_name="returns")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.REQUESTED)
    status_reason = models.CharField(max_length=500, blank=True, help_text="Why it is declined or needs attention.")
    reason = models.CharField(max_length=500, blank=True, help_text="In the customer's words.")
    amount = AmountField(help_text="What is given back.")
    currency = currency_field()
    parcel = models.CharField(max_length=10, choices=Parcel.choices, blank=True, default=Parcel.KEPT)
    refund_id = models.CharField(max_length=100, blank=True, help_text="The card processor's name of the refund.")
    refunded_at = models.DateTimeField(null=True, help_text="Empty while the customer has not got the money.")
    refusals = models.PositiveSmallIntegerField(
        default=0, help_text="Refunds that the processor answered for good, without paying."
    )
    idempotency_key = models.CharField(max_length=255, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts changes.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="return_newest_first"),
            models.Index(fields=["status", "-created_at"], name="return_by_status"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="return_amount_not_negative"),
            known("return"),
            models.UniqueConstraint(fields=["order", "idempotency_key"], name="return_once_per_idempotency_key"),
            models.UniqueConstraint(fields=["refund_id"], condition=~Q(refund_id=""), name="return_once_per_refund"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def saga_key(self) -> str:
        """The key of the return's saga and of its events."""
        return f"return:{self.pk}"

    @property
    def is_final(self) -> bool:
        """Nothing will change by itself."""
        return self.status in {self.Status.DONE, self.Status.DECLINED}


class ReturnLine(models.Model):
    """So many pieces of one line of the order."""

    returned = models.ForeignKey(Return, models.CASCADE, related_name="lines")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="returned")
    quantity = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["line_id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="return_line_quantity_positive"),
            models.UniqueConstraint(fields=["returned", "line"], name="return_line_once_per_line"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.line.name}"

    @property
    def total(self) -> Decimal:
        """What is given back for it."""
        return self.line.unit_price * self.quantity


class Letter(models.Model):
    """A letter about a return. It is written down before it is sent: mail cannot be unsent; see `mail.letter_log`."""

    class Kind(models.TextChoices):
        """What it says."""

        REFUNDED = "refunded", "Your return is refunded"
        DECLINED = "declined", "We could not take it back"
        UNPAID = "unpaid", "The refund did not arrive, against what we wrote"
        PAID_AGAIN = "paid_again", "It is refunded after all"
        WITHDRAWN = "withdrawn", "It is not refunded, against what we wrote"

    returned = models.ForeignKey(Return, models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    message_id = models.CharField(max_length=255, help_text="The letter's own Message-ID, the same however often sent.")
    begun_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: begun, and nobody knows whether the mail server took it."
    )

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["returned", "message_id"], name="letter_once_per_message")]

    def __str__(self) -> str:
        return self.get_kind_display()
