"""Workers that say that they live, and what was seen at the heads of queues: a few rows that change in place (HOT)."""

import django.contrib.postgres.fields
from django.db import migrations, models

ROOM = "fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500"
NO_ROOM = "fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold"


class Migration(migrations.Migration):
    dependencies = [("outbox", "0010_held_by")]
    operations = [
        migrations.CreateModel(
            name="WorkerProcess",
            fields=[
                ("name", models.CharField(help_text="The worker's --hostname.", max_length=255, primary_key=True, serialize=False)),
                ("pid", models.IntegerField()),
                ("release", models.CharField(help_text="The code's version, as the settings name it.", max_length=100)),
                ("pool", models.CharField(help_text="threads, prefork, solo …", max_length=40)),
                ("size", models.IntegerField(help_text="How many tasks it carries out at once.")),
                ("busy", models.IntegerField(help_text="How many it is at.")),
                ("queues", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), help_text="Those that it takes messages from.", size=None)),
                ("begun", models.BigIntegerField(help_text="How many tasks it has begun since it started.")),
                ("began_at", models.DateTimeField(help_text="When it began the last of them, or started.")),
                ("loop_silent", models.DurationField(help_text="Since its loop last turned, at its last sign.")),
                ("is_connected", models.BooleanField(help_text="It has a connection to the broker.")),
                ("is_ending", models.BooleanField(help_text="It was told to stop.")),
                ("session", models.IntegerField(help_text="PostgreSQL's number of the session by which it leaves its signs.")),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="Its last sign.")),
            ],
            options={"verbose_name": "worker", "db_table": "outbox_worker"},
        ),
        migrations.CreateModel(
            name="QueueHead",
            fields=[
                ("name", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("head", models.CharField(blank=True, help_text="Tells its oldest message from others.", max_length=64)),
                ("head_since", models.DateTimeField(help_text="When that message was first seen there.")),
                ("filled_since", models.DateTimeField(help_text="When the queue was first seen not to be empty.")),
            ],
            options={"verbose_name": "queue's head", "db_table": "outbox_queue_head"},
        ),
        migrations.RunSQL(f"ALTER TABLE outbox_worker SET ({ROOM})", f"ALTER TABLE outbox_worker RESET ({NO_ROOM})"),
    ]
