"""An alert."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Alert(models.Model):
    """Where a rule of `alerts/` stands for one label. Only `alerts/` writes it."""

    class State(models.TextChoices):
        OK = "ok", "over"
        """Its figure is not above the threshold."""
        PENDING = "pending", "not yet"
        """It is above, not yet for as long as the rule says."""
        FIRING = "firing", "on"
        """It has been above for so long: a person was told, unless it is silenced."""
        ENDING = "ending", "about to be over"
        """It is no longer above, not yet for long enough to say so."""

    ON: ClassVar = (State.FIRING, State.ENDING)

    rule = models.CharField(max_length=60)
    label = models.CharField(max_length=200, blank=True, help_text="Which of several that the rule is about.")
    state = models.CharField(max_length=8, choices=State.choices)
    since = models.DateTimeField(help_text="In its state.")
    title = models.CharField(max_length=200)
    words = models.TextField(blank=True, help_text="What its figure meant when it was last above.")
    do = models.TextField(blank=True, help_text="What to do.")
    value = models.FloatField(default=0, help_text="The figure when it was last above.")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    told_begin_at = models.DateTimeField(null=True, help_text="Empty: nobody was told, or its end was told since.")
    told_end_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    acknowledged_reason = models.TextField(blank=True)
    silenced_until = models.DateTimeField(null=True)
    silenced_by = models.CharField(max_length=200, blank=True)
    silenced_reason = models.TextField(blank=True)

    class Meta:
        db_table = "saga_alert"
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "label"], name="saga_alert_once")]
        permissions: ClassVar = [
            ("acknowledge_alert", "Can acknowledge alerts"),
            ("silence_alert", "Can silence alerts"),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.label}" if self.label else self.title

    @property
    def is_on(self) -> bool:
        """Whether it has begun, and is not over."""
        return self.state in self.ON
