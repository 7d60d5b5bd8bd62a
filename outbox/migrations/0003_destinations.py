"""Destinations, shards and holds; the history and the inbox in partitions, a day each."""

import zlib
from datetime import UTC, datetime, timedelta

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

SHARDS = 16  # as in destinations.py, when this was written

DAY = """
CREATE FUNCTION outbox_day(message_id uuid, otherwise timestamptz) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN substr(message_id::text, 15, 1) = '7'
    THEN (to_timestamp(('x' || left(replace(message_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
          AT TIME ZONE 'UTC')::date
    ELSE (otherwise AT TIME ZONE 'UTC')::date END
"""

# The relay reads by (destination, shard, id), and deletes by it: one index is enough. `id` is unique by its sequence.
MESSAGE = """
ALTER TABLE outbox_message DROP CONSTRAINT outbox_message_pkey;
ALTER TABLE outbox_message ADD PRIMARY KEY (destination, shard, id)
"""
MESSAGE_BACK = """
ALTER TABLE outbox_message DROP CONSTRAINT outbox_message_pkey;
ALTER TABLE outbox_message ADD PRIMARY KEY (id)
"""

# No primary key: one that is unique over partitions must hold the day. `id` comes from the message, in that order, so
# that a BRIN index finds it.
PUBLISHED = """
ALTER TABLE outbox_published RENAME TO outbox_published_old;
ALTER TABLE outbox_published_old DROP CONSTRAINT outbox_published_message;
DROP INDEX outbox_published_key;
CREATE TABLE outbox_published (
    id bigint NOT NULL,
    destination varchar(40) NOT NULL,
    message_id uuid NOT NULL,
    type varchar(100) NOT NULL,
    version smallint NOT NULL,
    key varchar(200) NOT NULL,
    payload text NOT NULL,
    headers text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    published_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    day date NOT NULL,
    CONSTRAINT outbox_published_message UNIQUE (message_id, destination, day)
) PARTITION BY RANGE (day);
CREATE INDEX outbox_published_key ON outbox_published (key);
CREATE INDEX outbox_published_id ON outbox_published USING brin (id);
CREATE TABLE outbox_published_default PARTITION OF outbox_published DEFAULT
"""
PUBLISHED_COPY = """
INSERT INTO outbox_published (id, destination, message_id, type, version, key, payload, headers, created_at,
                              published_at, day)
SELECT id, 'tasks', message_id, type, version, key, payload, headers, created_at, published_at,
       outbox_day(message_id, created_at)
FROM outbox_published_old;
DROP TABLE outbox_published_old
"""

INBOX = """
ALTER TABLE outbox_inbox RENAME TO outbox_inbox_old;
ALTER TABLE outbox_inbox_old DROP CONSTRAINT outbox_inbox_once;
ALTER SEQUENCE outbox_inbox_id_seq RENAME TO outbox_inbox_old_id_seq;
CREATE SEQUENCE outbox_inbox_id_seq;
CREATE TABLE outbox_inbox (
    id bigint NOT NULL DEFAULT nextval('outbox_inbox_id_seq'),
    subscriber varchar(100) NOT NULL,
    message_id uuid NOT NULL,
    day date NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT outbox_inbox_once UNIQUE (message_id, subscriber, day)
) PARTITION BY RANGE (day);
ALTER SEQUENCE outbox_inbox_id_seq OWNED BY outbox_inbox.id;
CREATE INDEX outbox_inbox_id ON outbox_inbox USING brin (id);
CREATE TABLE outbox_inbox_default PARTITION OF outbox_inbox DEFAULT
"""
INBOX_COPY = """
INSERT INTO outbox_inbox (subscriber, message_id, day, handled_at)
SELECT subscriber, message_id, outbox_day(message_id, handled_at), handled_at FROM outbox_inbox_old;
DROP TABLE outbox_inbox_old
"""

# Deliveries opened before this version say where they belong, and which day's history they need.
DELIVERY = "UPDATE outbox_delivery SET day = outbox_day(message_id, created_at)"
STORAGE = """
ALTER TABLE outbox_shard SET (fillfactor = 50);
ALTER TABLE outbox_relay SET (fillfactor = 50)
"""


def give_shards(apps, _schema):
    messages = apps.get_model("outbox", "OutboxMessage").objects
    for row, key in messages.values_list("id", "key").iterator():
        messages.filter(pk=row).update(shard=(zlib.crc32(key.encode()) if key else row) % SHARDS)


def make_partitions(_apps, schema):
    today = datetime.now(UTC).date()
    for table in ("outbox_published", "outbox_inbox"):
        for day in (today + timedelta(days=n) for n in range(4)):
            until = day + timedelta(days=1)
            schema.execute(
                f"CREATE TABLE {table}_{day:%Y%m%d} PARTITION OF {table} FOR VALUES FROM ('{day}') TO ('{until}')"
            )


def field(model, name, kind, default=None):
    if default is None:
        return migrations.AddField(model, name, kind)
    kind.default = default
    return migrations.AddField(model, name, kind, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("outbox", "0002_storage")]
    operations = [
        migrations.RunSQL(DAY, "DROP FUNCTION outbox_day"),
        migrations.DeleteModel("Lease"),
        field("OutboxMessage", "destination", models.CharField(max_length=40), "tasks"),
        field("OutboxMessage", "shard", models.PositiveSmallIntegerField(help_text="A hash of the key: one relay at a time owns it."), 0),
        migrations.RunPython(give_shards, migrations.RunPython.noop),
        migrations.RunSQL(MESSAGE, MESSAGE_BACK),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PUBLISHED)],
            state_operations=[
                migrations.AddField("PublishedMessage", "destination", models.CharField(max_length=40)),
                migrations.AddField("PublishedMessage", "day", models.DateField(help_text="The day in the message's id: the partition.")),
                migrations.RemoveConstraint("PublishedMessage", "outbox_published_message"),
                migrations.RemoveIndex("PublishedMessage", "outbox_published_at"),
                migrations.AddConstraint("PublishedMessage", models.UniqueConstraint(fields=("message_id", "destination", "day"), name="outbox_published_message")),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INBOX)],
            state_operations=[
                migrations.AddField("InboxEntry", "day", models.DateField(help_text="The day of the message: a copy, however late, looks into the same partition.")),
                migrations.RemoveConstraint("InboxEntry", "outbox_inbox_once"),
                migrations.RemoveIndex("InboxEntry", "outbox_inbox_handled"),
                migrations.AddConstraint("InboxEntry", models.UniqueConstraint(fields=("message_id", "subscriber", "day"), name="outbox_inbox_once")),
            ],
        ),
        migrations.RunPython(make_partitions),
        migrations.RunSQL(PUBLISHED_COPY),
        migrations.RunSQL(INBOX_COPY),
        field("Delivery", "destination", models.CharField(max_length=40), "tasks"),
        field("Delivery", "day", models.DateField(help_text="The message's partition of the history."), "2000-01-01"),
        field("Delivery", "key", models.CharField(blank=True, max_length=200), ""),
        field("Delivery", "position", models.BigIntegerField(help_text="The message's id in the outbox: its place among those of its key."), 0),
        migrations.RunSQL(DELIVERY, migrations.RunSQL.noop),
        migrations.AddIndex("Delivery", models.Index(fields=["subscriber", "key", "position"], name="outbox_delivery_order")),
        field("DeadLetter", "destination", models.CharField(blank=True, max_length=40), "tasks"),
        migrations.AddField("DeadLetter", "position", models.BigIntegerField(help_text="The message's id in the outbox, to be requeued in its place.", null=True)),
        migrations.RemoveConstraint("DeadLetter", "outbox_dead_letter_once"),
        migrations.AddConstraint("DeadLetter", models.UniqueConstraint(fields=("message_id", "subscriber", "destination"), name="outbox_dead_letter_once")),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("destination", models.CharField(max_length=40)),
                ("key", models.CharField(max_length=200)),
                ("shard", models.PositiveSmallIntegerField()),
                ("position", models.BigIntegerField(help_text="The id of the message that failed.")),
                ("message_id", models.UUIDField()),
                ("type", models.CharField(max_length=100)),
                ("attempts", models.PositiveIntegerField()),
                ("until", models.DateTimeField(blank=True, help_text="Empty: until a person retries, skips or requeues.", null=True)),
                ("last_error", models.TextField()),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "held key",
                "db_table": "outbox_hold",
                "constraints": [models.UniqueConstraint(fields=("destination", "key"), name="outbox_hold_once")],
            },
        ),
        migrations.CreateModel(
            name="Shard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("destination", models.CharField(max_length=40)),
                ("shard", models.PositiveSmallIntegerField()),
                ("owner", models.CharField(blank=True, default="", max_length=100)),
                ("epoch", models.BigIntegerField(default=0, help_text="Grows with every change of owner.")),
                ("until", models.DateTimeField()),
                ("paused", models.BooleanField(default=False, help_text="Nothing of it is published.")),
            ],
            options={
                "db_table": "outbox_shard",
                "constraints": [models.UniqueConstraint(fields=("destination", "shard"), name="outbox_shard_once")],
            },
        ),
        migrations.CreateModel(
            name="RelayProcess",
            fields=[
                ("owner", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("destinations", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "relay",
                "db_table": "outbox_relay",
            },
        ),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
    ]
