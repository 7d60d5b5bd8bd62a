"""The tables, for the admin and for tests; the relay, `publish` and the inbox use the statements in `sql.py`.

Rows reach these tables through those statements alone: no `save()` here has a meaning of its own.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class EnvelopeFields(models.Model):
    """What every copy of a message carries."""

    message_id = models.UUIDField(help_text="UUIDv7: sorts by the time of writing.")
    type = models.CharField(max_length=100)
    version = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=200, blank=True, help_text="Whose message it is, such as order:42.")
    payload = models.TextField(help_text="JSON text, made once and passed on unread.")
    headers = models.TextField(help_text="JSON text: traceparent, X-Request-Id.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"


class OutboxMessage(EnvelopeFields):
    """Written, not yet published. Only such rows live here: the table stays small, its primary key is the one index.

    The relay reads it by id; rows that wait for a later `due_at` are few, and passed over.
    """

    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    last_error = models.TextField(blank=True, default="")

    class Meta:
        db_table = "outbox_message"
        verbose_name = "unpublished message"


class PublishedMessage(EnvelopeFields):
    """Published: history, and the source of what is delivered again. Pruned by age once nobody waits for it."""

    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_published"
        verbose_name = "published message"
        constraints = [models.UniqueConstraint(fields=["message_id"], name="outbox_published_message")]
        indexes = [
            models.Index(fields=["key"], name="outbox_published_key"),  # the admin's search
            models.Index(fields=["published_at"], name="outbox_published_at"),  # pruning, and the admin's order
        ]


class Delivery(models.Model):
    """Published to a subscriber that has not confirmed. The handler's own transaction deletes the row."""

    message_id = models.UUIDField()
    subscriber = models.CharField(max_length=100)
    attempts = models.PositiveIntegerField(default=0, help_text="Tries that failed or may have crashed.")
    due_at = models.DateTimeField(help_text="Published again from then on.")
    last_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_delivery"
        verbose_name = "open delivery"
        verbose_name_plural = "open deliveries"
        constraints = [models.UniqueConstraint(fields=["message_id", "subscriber"], name="outbox_delivery_once")]
        indexes = [models.Index(fields=["due_at"], name="outbox_delivery_due")]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.subscriber}"


class InboxEntry(models.Model):
    """This subscriber has handled this message: committed together with what the handler wrote."""

    subscriber = models.CharField(max_length=100)
    message_id = models.UUIDField()
    handled_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_inbox"
        verbose_name = "handled message"
        # Ids of version 7 grow with time, so new entries stay together at the index's right edge.
        constraints = [models.UniqueConstraint(fields=["message_id", "subscriber"], name="outbox_inbox_once")]
        indexes = [models.Index(fields=["handled_at"], name="outbox_inbox_handled")]

    def __str__(self) -> str:
        return f"{self.message_id} by {self.subscriber}"


class DeadLetter(EnvelopeFields):
    """A message that cannot be delivered, with its reason. Never removed by age: a person requeues it."""

    subscriber = models.CharField(max_length=100, blank=True, help_text="Empty: it could not be published at all.")
    attempts = models.PositiveIntegerField()
    error_class = models.CharField(max_length=200)
    error = models.TextField()
    traceback = models.TextField(blank=True)
    died_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_dead_letter"
        constraints = [models.UniqueConstraint(fields=["message_id", "subscriber"], name="outbox_dead_letter_once")]
        indexes = [
            models.Index(fields=["key"], name="outbox_dead_letter_key"),
            models.Index(fields=["died_at"], name="outbox_dead_letter_died"),
        ]
        permissions = [("requeue_deadletter", "Can requeue dead letters")]


class Lease(models.Model):
    """Who relays now, and until when nobody else may."""

    name = models.CharField(max_length=50, primary_key=True)
    owner = models.CharField(max_length=100)
    epoch = models.BigIntegerField(help_text="Grows with every change of owner.")
    until = models.DateTimeField()

    class Meta:
        db_table = "outbox_lease"

    def __str__(self) -> str:
        return f"{self.name} held by {self.owner}"
