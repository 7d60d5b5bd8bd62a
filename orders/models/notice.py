"""A letter about an order."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from .order import Order


class Notice(models.Model):
    """A letter about an order. It is written down before it is sent: mail cannot be unsent; see `mail.sent_log`."""

    class Kind(models.TextChoices):
        """What it says."""

        RECEIVED = "received", "We have your order"
        CONFIRM_PAYMENT = "confirm_payment", "Please confirm the payment"
        CONFIRMATION = "confirmation", "Your order is on its way"
        CANCELLATION = "cancellation", "Your order is cancelled"
        APOLOGY = "apology", "Your order is cancelled, against what we wrote"

    order = models.ForeignKey(Order, models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    message_id = models.CharField(max_length=255, help_text="The letter's own Message-ID, the same however often sent.")
    begun_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: begun, and nobody knows whether the mail server took it."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind"],
                condition=~Q(kind="confirm_payment"),  # each time the bank asks for it
                name="notice_once_per_kind",
            ),
            models.UniqueConstraint(fields=["order", "message_id", "kind"], name="notice_once_per_message"),
            models.UniqueConstraint(
                fields=["order"], condition=Q(kind__in=["cancellation", "apology"]), name="notice_one_last_word"
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
