"""Where an order that is carried by events stands. A row says what was asked for and what came of it; it tells nobody
what to do next: that is the events' part."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from sagas.models import StepStatus


class Journey(models.Model):
    """One order on its way. Whoever decides something about the whole order locks this row first, then the order."""

    class State(models.TextChoices):
        """Which way it goes, and whether it can still turn."""

        OPEN = "open", "Open"
        """Forward; the card is not charged, so that a refusal, the customer or the deadline can still turn it."""
        ONWARD = "onward", "Onward"
        """The capture has been asked for: only forward from here, and what does not work needs a person."""
        UNDOING = "undoing", "Undoing"
        """It has turned: each company undoes what may have happened there."""
        ENDED = "ended", "Ended"
        """The order is confirmed or cancelled. Final."""

    order = models.OneToOneField("orders.Order", models.CASCADE, primary_key=True, related_name="journey")
    input = models.TextField(help_text="JSON: the order as it was accepted; the steps read nothing else of the shop.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    code = models.CharField(max_length=100, blank=True, default="", help_text="Why it turned, for programs.")
    reason = models.TextField(blank=True, default="", help_text="Why it turned, in words.")
    waits_for = models.CharField(max_length=100, blank=True, default="", help_text="The participant that is away.")
    last_event = models.CharField(max_length=100, blank=True, default="", help_text="The type of the latest event.")
    last_event_at = models.DateTimeField(db_default=Now())
    leading_event = models.CharField(
        max_length=100, blank=True, default="", help_text="The latest that others act on; undos report and lead nobody."
    )
    leading_body = models.TextField(blank=True, default="", help_text="Its body as JSON, to publish it once more.")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="The watchdog looks when nothing has happened by then; empty: a person does."
    )
    deadline_at = models.DateTimeField(help_text="Undone when it is still open by then.")

    class Meta:
        db_table = "orders_journey"
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="journey_due"),
            models.Index(fields=["waits_for"], condition=~Q(waits_for=""), name="journey_waits_for"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.get_state_display()}"


class JourneyStep(models.Model):
    """What one company was asked for and what came of it; written by that company's subscribers alone."""

    journey = models.ForeignKey(Journey, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=20, choices=StepStatus.choices, default=StepStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    forgiven = models.PositiveIntegerField(default=0, help_text="Attempts that were surely not applied.")
    undo_attempts = models.PositiveIntegerField(default=0)
    result = models.TextField(null=True, help_text="JSON: what the company answered.")  # noqa: DJ001
    error_code = models.CharField(max_length=100, blank=True, default="")
    error = models.TextField(blank=True, default="")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    waits_since = models.DateTimeField(
        null=True, blank=True, help_text="It waits for its participant to be back, since then."
    )
    begun_at = models.DateTimeField(
        null=True, blank=True, help_text="When the company was first asked, of the attempts that may have been applied."
    )

    class Meta:
        db_table = "orders_journey_step"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["journey", "name"], name="journey_step_once")]
        indexes = [
            models.Index(
                fields=["name", "next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="journey_step_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_status_display()}"

    @property
    def asked(self) -> int:
        """How many attempts may have been applied."""
        return self.attempts - self.forgiven

    @property
    def may_have_happened(self) -> bool:
        """Whether there may be something to undo: it was asked for, and not refused at the first asking."""
        if self.status == StepStatus.UNDONE:
            return False
        clean_refusal = self.status == StepStatus.REFUSED and self.asked <= 1
        return self.asked > 0 and not clean_refusal
