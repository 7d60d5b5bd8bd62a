"""The tables, for the admin and for tests. The relay, `publish` and the inbox use the statements in `sql/`.

Only those statements write rows: `save()` of these models is not used.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class EnvelopeFields(models.Model):
    """The columns that every copy of a message has."""

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
    """A message that is written and not yet published. Published rows leave, so the table stays small.

    The relay that owns the shard reads it by (destination, shard, id). Rows with a later `due_at` are few, and skipped.
    """

    destination = models.CharField(max_length=40)
    shard = models.PositiveSmallIntegerField(help_text="A hash of the key: one relay at a time owns it.")
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    last_error = models.TextField(blank=True, default="")

    class Meta:
        db_table = "outbox_message"
        verbose_name = "unpublished message"


class PublishedMessage(EnvelopeFields):
    """A published message: the history, and the source of redelivery. One partition a day, dropped when it is old.

    `id` is the id that the message had in the outbox: within a key, the order of publishing.
    """

    destination = models.CharField(max_length=40)
    published_at = models.DateTimeField(db_default=Now())
    day = models.DateField(help_text="The day in the message's id: the partition.")

    class Meta:
        db_table = "outbox_published"
        verbose_name = "published message"
        constraints = [
            models.UniqueConstraint(fields=["message_id", "destination", "day"], name="outbox_published_message")
        ]
        indexes = [models.Index(fields=["key"], name="outbox_published_key")]  # the admin's search


class Delivery(models.Model):
    """A published message that one subscriber has not confirmed. The handler's transaction deletes the row."""

    message_id = models.UUIDField()
    subscriber = models.CharField(max_length=100)
    destination = models.CharField(max_length=40)
    day = models.DateField(help_text="The message's partition of the history.")
    key = models.CharField(max_length=200, blank=True)
    position = models.BigIntegerField(help_text="The message's id in the outbox: its place among those of its key.")
    attempts = models.PositiveIntegerField(default=0, help_text="Tries that failed or may have crashed.")
    due_at = models.DateTimeField(help_text="Published again from then on.")
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Not handled before: it failed, or a worker is at it."
    )
    held_by = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="The worker that is at it, or was."
    )
    last_error = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When its last copy went to the broker; empty: none is in a queue."
    )
    failed_by_us = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="How often in a row the database or the broker failed: that costs no attempt.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_delivery"
        verbose_name = "open delivery"
        verbose_name_plural = "open deliveries"
        constraints = [models.UniqueConstraint(fields=["message_id", "subscriber"], name="outbox_delivery_once")]
        indexes = [
            models.Index(fields=["due_at"], name="outbox_delivery_due"),
            models.Index(fields=["subscriber", "key", "position"], name="outbox_delivery_order"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.subscriber}"


class InboxEntry(models.Model):
    """This subscriber has handled this message; committed together with what the handler wrote. Partitioned by day."""

    subscriber = models.CharField(max_length=100)
    message_id = models.UUIDField()
    day = models.DateField(help_text="The day of the message: a copy, however late, looks into the same partition.")
    handled_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_inbox"
        verbose_name = "handled message"
        # Ids of version 7 grow with time, so new entries stay together at the index's right edge.
        constraints = [models.UniqueConstraint(fields=["message_id", "subscriber", "day"], name="outbox_inbox_once")]

    def __str__(self) -> str:
        return f"{self.message_id} by {self.subscriber}"


class Queue(models.Model):
    """A queue of the broker, and how far workers have read it."""

    name = models.CharField(max_length=200, primary_key=True)
    sent_at = models.DateTimeField(help_text="When the last watermark went into it.")
    waits_since = models.DateTimeField(help_text="When the first one did that nothing has come through after.")
    passed_at = models.DateTimeField(null=True, help_text="What was sent before has left the queue.")

    class Meta:
        db_table = "outbox_queue"

    def __str__(self) -> str:
        return self.name


class DeadLetter(EnvelopeFields):
    """A message that was given up, with the reason. Never removed by age: a person requeues it."""

    destination = models.CharField(max_length=40, blank=True)
    subscriber = models.CharField(max_length=100, blank=True, help_text="Empty: it could not be published at all.")
    position = models.BigIntegerField(
        null=True, help_text="The message's id in the outbox, to be requeued in its place."
    )
    attempts = models.PositiveIntegerField()
    error_class = models.CharField(max_length=200)
    error = models.TextField()
    traceback = models.TextField(blank=True)
    died_at = models.DateTimeField(db_default=Now())
    requeue_at = models.DateTimeField(null=True, blank=True, help_text="Ordered with many others: its turn.")
    requeue_by = models.CharField(max_length=150, blank=True, default="", db_default="")

    class Meta:
        db_table = "outbox_dead_letter"
        constraints = [
            models.UniqueConstraint(fields=["message_id", "subscriber", "destination"], name="outbox_dead_letter_once")
        ]
        indexes = [
            models.Index(fields=["key"], name="outbox_dead_letter_key"),
            models.Index(fields=["died_at"], name="outbox_dead_letter_died"),
            models.Index(fields=["error_class", "died_at"], name="outbox_dead_letter_error"),
            models.Index(
                fields=["requeue_at"], name="outbox_dead_letter_turn", condition=models.Q(requeue_at__isnull=False)
            ),
        ]
        permissions = [("requeue_deadletter", "Can requeue dead letters")]


class Hold(models.Model):
    """A key whose first message failed: its messages wait, in order, until `until`."""

    destination = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    shard = models.PositiveSmallIntegerField()
    position = models.BigIntegerField(help_text="The id of the message that failed.")
    message_id = models.UUIDField()
    type = models.CharField(max_length=100)
    attempts = models.PositiveIntegerField()
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: until a person retries, skips or requeues.")
    last_error = models.TextField()
    since = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_hold"
        verbose_name = "held key"
        constraints = [models.UniqueConstraint(fields=["destination", "key"], name="outbox_hold_once")]
        permissions = [
            ("retry_hold", "Can have held keys tried at once"),
            ("skip_hold", "Can skip the first message of held keys"),
        ]

    def __str__(self) -> str:
        return f"{self.key} to {self.destination}"


class Shard(models.Model):
    """A part of a destination's keys, and the relay that owns it: no other relay publishes them until `until`."""

    destination = models.CharField(max_length=40)
    shard = models.PositiveSmallIntegerField()
    owner = models.CharField(max_length=100, blank=True, default="")
    epoch = models.BigIntegerField(default=0, help_text="Grows with every change of owner.")
    until = models.DateTimeField()
    paused = models.BooleanField(default=False, help_text="Nothing of it is published.")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    paused_reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        db_table = "outbox_shard"
        verbose_name_plural = "destinations and shards"
        constraints = [models.UniqueConstraint(fields=["destination", "shard"], name="outbox_shard_once")]
        permissions = [("pause_shard", "Can pause and resume destinations")]

    def __str__(self) -> str:
        return f"{self.destination}:{self.shard}"


class RelayProcess(models.Model):
    """A running relay. Relays share the shards by how many there are."""

    owner = models.CharField(max_length=100, primary_key=True)
    destinations = ArrayField(models.CharField(max_length=40))
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField()
    outage = models.TextField(blank=True, default="", db_default="", help_text="Why its broker cannot be reached.")
    outage_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "outbox_relay"
        verbose_name = "relay"

    def __str__(self) -> str:
        return self.owner


class Heartbeat(models.Model):
    """What a periodic duty, or a process that runs forever, recorded when it last finished a piece of work."""

    name = models.CharField(max_length=100, primary_key=True, help_text="The duty, such as the name of its task.")
    since = models.DateTimeField(db_default=Now(), help_text="Known since then.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it last finished; empty: never yet.")
    seconds = models.FloatField(null=True, blank=True, help_text="How long that took.")
    found = models.TextField(blank=True, default="", db_default="", help_text="What it found then; empty: nothing.")
    failed_at = models.DateTimeField(null=True, blank=True, help_text="When it last failed, if that is later.")
    error = models.TextField(blank=True, default="", db_default="")
    process = models.CharField(max_length=100, blank=True, default="", db_default="", help_text="Who left it.")
    skew = models.FloatField(
        null=True, blank=True, help_text="Seconds by which that process's clock is ahead of the database's."
    )
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When a run that was missed was asked for.")
    late_at = models.DateTimeField(null=True, blank=True, help_text="When it last ran late.")
    late_for = models.DurationField(null=True, blank=True, help_text="How long it had not run by then.")

    class Meta:
        db_table = "outbox_heartbeat"

    def __str__(self) -> str:
        return self.name


class WorkerProcess(models.Model):
    """A Celery worker, as it last said of itself. One that stops in order deletes its row."""

    name = models.CharField(max_length=255, primary_key=True, help_text="The worker's --hostname.")
    pid = models.IntegerField()
    release = models.CharField(max_length=100, help_text="The code's version, as the settings name it.")
    pool = models.CharField(max_length=40, help_text="threads, prefork, solo …")
    size = models.IntegerField(help_text="How many tasks it carries out at once.")
    busy = models.IntegerField(help_text="How many it is at.")
    queues = ArrayField(models.CharField(max_length=200), help_text="Those that it takes messages from.")
    begun = models.BigIntegerField(help_text="How many tasks it has begun since it started.")
    began_at = models.DateTimeField(help_text="When it began the last of them, or started.")
    loop_silent = models.DurationField(help_text="Since its loop last turned, at its last sign.")
    is_connected = models.BooleanField(help_text="It has a connection to the broker.")
    is_ending = models.BooleanField(help_text="It was told to stop.")
    session = models.IntegerField(help_text="PostgreSQL's number of the session by which it leaves its signs.")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="Its last sign.")

    class Meta:
        db_table = "outbox_worker"
        verbose_name = "worker"

    def __str__(self) -> str:
        return self.name


class QueueHead(models.Model):
    """What was last seen at the head of a queue of the broker that is not empty."""

    name = models.CharField(max_length=200, primary_key=True)
    head = models.CharField(max_length=64, blank=True, help_text="Tells its oldest message from others.")
    head_since = models.DateTimeField(help_text="When that message was first seen there.")
    filled_since = models.DateTimeField(help_text="When the queue was first seen not to be empty.")

    class Meta:
        db_table = "outbox_queue_head"
        verbose_name = "queue's head"

    def __str__(self) -> str:
        return self.name
