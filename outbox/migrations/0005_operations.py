"""Who paused a shard and why, whose broker is away, and the turns of dead letters that are requeued together."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0004_delivery_held_until'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='hold',
            options={'permissions': [('retry_hold', 'Can have held keys tried at once'), ('skip_hold', 'Can skip the first message of held keys')], 'verbose_name': 'held key'},
        ),
        migrations.AlterModelOptions(
            name='shard',
            options={'permissions': [('pause_shard', 'Can pause and resume destinations')], 'verbose_name_plural': 'destinations and shards'},
        ),
        migrations.AddField(
            model_name='deadletter',
            name='requeue_at',
            field=models.DateTimeField(blank=True, help_text='Ordered with many others: its turn.', null=True),
        ),
        migrations.AddField(
            model_name='deadletter',
            name='requeue_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=150),
        ),
        migrations.AddField(
            model_name='relayprocess',
            name='outage',
            field=models.TextField(blank=True, db_default='', default='', help_text='Why its broker cannot be reached.'),
        ),
        migrations.AddField(
            model_name='relayprocess',
            name='outage_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='shard',
            name='paused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='shard',
            name='paused_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=150),
        ),
        migrations.AddField(
            model_name='shard',
            name='paused_reason',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddIndex(
            model_name='deadletter',
            index=models.Index(condition=models.Q(('requeue_at__isnull', False)), fields=['requeue_at'], name='outbox_dead_letter_turn'),
        ),
    ]
