"""What each duty left when it last finished. A dozen rows that change every few seconds, each in its place (HOT)."""

import django.db.models.functions.datetime
from django.db import migrations, models

ROOM = "fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500"
NO_ROOM = "fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold"


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0005_operations'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(help_text='The duty, such as the name of its task.', max_length=100, primary_key=True, serialize=False)),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='Known since then.')),
                ('ended_at', models.DateTimeField(blank=True, help_text='When it last finished; empty: never yet.', null=True)),
                ('seconds', models.FloatField(blank=True, help_text='How long that took.', null=True)),
                ('found', models.TextField(blank=True, db_default='', default='', help_text='What it found then; empty: nothing.')),
                ('failed_at', models.DateTimeField(blank=True, help_text='When it last failed, if that is later.', null=True)),
                ('error', models.TextField(blank=True, db_default='', default='')),
                ('process', models.CharField(blank=True, db_default='', default='', help_text='Who left it.', max_length=100)),
                ('skew', models.FloatField(blank=True, help_text="Seconds by which that process's clock is ahead of the database's.", null=True)),
                ('asked_at', models.DateTimeField(blank=True, help_text='When a run that was missed was asked for.', null=True)),
                ('late_at', models.DateTimeField(blank=True, help_text='When it last ran late.', null=True)),
                ('late_for', models.DurationField(blank=True, help_text='How long it had not run by then.', null=True)),
            ],
            options={
                'db_table': 'outbox_heartbeat',
            },
        ),
        migrations.RunSQL(f"ALTER TABLE outbox_heartbeat SET ({ROOM})", f"ALTER TABLE outbox_heartbeat RESET ({NO_ROOM})"),
    ]
