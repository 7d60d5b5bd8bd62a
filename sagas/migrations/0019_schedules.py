"""Where each schedule stands, the history of its ticks, and what people did with it."""

import django.db.models.constraints
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0018_saved_views'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('cron', models.CharField(help_text='As when it was last looked at, and so is the next.', max_length=200)),
                ('timezone', models.CharField(max_length=60)),
                ('settled_until', models.DateTimeField(help_text='What becomes of every tick up to then is decided.')),
                ('next_at', models.DateTimeField(help_text='Its next tick.', null=True)),
                ('paused_at', models.DateTimeField(null=True)),
                ('paused_by', models.CharField(blank=True, max_length=200)),
                ('paused_reason', models.TextField(blank=True)),
                ('trouble', models.TextField(blank=True, help_text='Why its last look failed; empty when it did not.')),
                ('trouble_since', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(help_text='When it was first seen: its ticks begin then.')),
            ],
            options={
                'db_table': 'saga_schedule',
                'ordering': ['name'],
                'permissions': [('pause_schedule', 'Can pause and resume schedules'), ('run_schedule', "Can start a schedule's run now"), ('backfill_schedule', 'Can fill in ticks of the past')],
            },
        ),
        migrations.CreateModel(
            name='ScheduleAct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor_name', models.CharField(max_length=200)),
                ('verb', models.CharField(max_length=20)),
                ('reason', models.TextField()),
                ('at', models.DateTimeField()),
                ('words', models.TextField(blank=True, help_text='What it did.')),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='acts', to='sagas.schedule')),
            ],
            options={
                'db_table': 'saga_schedule_act',
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ScheduleTick',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(help_text='The tick; of a run by hand, when somebody started it.')),
                ('kind', models.CharField(choices=[('tick', 'its time came'), ('backfill', 'filled in'), ('by_hand', 'by hand')], default='tick', max_length=8)),
                ('outcome', models.CharField(choices=[('waiting', 'waits'), ('started', 'started'), ('skipped', 'skipped'), ('missed', 'missed'), ('withdrawn', 'withdrawn')], max_length=9)),
                ('reason', models.TextField(blank=True, help_text='Why no run was started.')),
                ('run', models.UUIDField(help_text='The run; it may have been pruned.', null=True)),
                ('recorded_at', models.DateTimeField(help_text='When that was decided.')),
                ('started_at', models.DateTimeField(null=True)),
                ('over_at', models.DateTimeField(help_text='When the end of the run was seen.', null=True)),
                ('ended', models.CharField(blank=True, choices=[('running', 'running'), ('undoing', 'undoing'), ('completed', 'completed'), ('compensated', 'undone'), ('stuck', 'stuck'), ('resolved', 'resolved by hand')], help_text='How the run ended.', max_length=12)),
                ('act', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ticks', to='sagas.scheduleact')),
                ('schedule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='history', to='sagas.schedule')),
            ],
            options={
                'verbose_name': 'tick of a schedule',
                'verbose_name_plural': 'ticks of schedules',
                'db_table': 'saga_schedule_tick',
                'ordering': ['-at'],
                'default_permissions': ('view',),
                'indexes': [models.Index(condition=models.Q(('outcome', 'waiting'), models.Q(('outcome', 'started'), ('over_at__isnull', True)), _connector='OR'), fields=['schedule', 'at'], name='saga_schedule_tick_live'), models.Index(fields=['recorded_at'], name='saga_schedule_tick_recorded')],
                'constraints': [models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], fields=('schedule', 'at'), name='saga_schedule_tick_once')],
            },
        ),
    ]
