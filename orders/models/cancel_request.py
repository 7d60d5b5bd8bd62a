"""What customers asked and were answered: the books behind the sentence that says who won."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class CancelRequest(models.Model):
    """That the customer asked to cancel, and what the shop answered. The first of each answer is kept, so that clicking
    a hundred times writes no hundred rows."""

    class Answer(models.TextChoices):
        """What came of it."""

        CANCELLED = "cancelled", "Cancelled"
        """This very request turned the order."""
        ALREADY = "already", "Was being cancelled already"
        """Something else had turned it: a refusal, the deadline, an operator."""
        TOO_LATE = "too_late", "Too late"
        """The card was charged, or the bank had been asked to charge it."""
        WITH_A_PERSON = "with_a_person", "With a person"
        """It was on an operator's desk: nobody knew enough to turn it."""

    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="cancel_requests")
    answer = models.CharField(max_length=16, choices=Answer.choices)
    asked_at = models.DateTimeField(db_default=Now())
    charge_begun_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the bank was first asked to charge the card; for an answer that is too late.",
    )

    class Meta:
        db_table = "orders_cancel_request"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["order", "answer"], name="cancel_request_once_per_answer")]

    def __str__(self) -> str:
        return self.get_answer_display()

    @property
    def accepted(self) -> bool:
        """Whether the order ends undone, as the customer wishes."""
        return self.answer in {self.Answer.CANCELLED, self.Answer.ALREADY}
