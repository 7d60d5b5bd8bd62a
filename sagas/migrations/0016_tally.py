"""What metrics and charts read: counts by minute, by hour, and ever."""

import django.contrib.postgres.fields
from django.db import migrations, models

# A row of the current minute is updated every few seconds; nothing of what changes is in an index (HOT).
UPDATED_OFTEN = "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02"
RESET = "fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor"


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0015_alerts'),
    ]

    operations = [
        migrations.CreateModel(
            name='TallyMark',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('attempt', models.BigIntegerField(help_text='Attempts up to this id are counted, or listed in TallyWait.')),
                ('runs_from', models.DateTimeField(help_text='Runs that ended from this minute on are compared with what is counted.')),
                ('at', models.DateTimeField(help_text='When it was moved.')),
            ],
            options={
                'db_table': 'saga_tally_mark',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='TallyWait',
            fields=[
                ('attempt', models.BigIntegerField(primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
            ],
            options={
                'db_table': 'saga_tally_wait',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('span', models.PositiveIntegerField(choices=[(0, 'ever'), (60, 'minute'), (3600, 'hour')])),
                ('at', models.DateTimeField(help_text='When the minute or hour began; 1970 for what counts ever.')),
                ('kind', models.CharField(choices=[('run', 'runs'), ('step', 'attempts of a step'), ('undo', 'attempts of an undo'), ('lag', 'how long the oldest unpublished message had waited')], max_length=4)),
                ('saga', models.CharField(blank=True, max_length=100)),
                ('name', models.CharField(blank=True, help_text='The step, or the destination whose lag it is.', max_length=100)),
                ('outcome', models.CharField(blank=True, help_text="The run's status, or the attempt's outcome.", max_length=12)),
                ('count', models.BigIntegerField()),
                ('retries', models.BigIntegerField(help_text='Of the attempts, those that were not the first of their step.')),
                ('seconds', models.FloatField(help_text='The sum of what they took.')),
                ('buckets', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='How many took up to each bound, and how many longer.', size=None)),
                ('last_at', models.DateTimeField(help_text='When the last of them ended.')),
            ],
            options={
                'verbose_name_plural': 'tallies',
                'db_table': 'saga_tally',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('span', 'at', 'kind', 'saga', 'name', 'outcome'), name='saga_tally_once')],
            },
        ),
        migrations.RunSQL(f"ALTER TABLE saga_tally SET ({UPDATED_OFTEN})", f"ALTER TABLE saga_tally RESET ({RESET})"),
    ]
