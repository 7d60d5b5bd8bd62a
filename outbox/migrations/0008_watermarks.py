"""How far workers have read the broker's queues, and when a delivery's last copy went there."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0007_failed_by_us'),
    ]

    operations = [
        migrations.CreateModel(
            name='Queue',
            fields=[
                ('name', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('sent_at', models.DateTimeField(help_text='When the last watermark went into it.')),
                ('waits_since', models.DateTimeField(help_text='When the first one did that nothing has come through after.')),
                ('passed_at', models.DateTimeField(help_text='What was sent before has left the queue.', null=True)),
            ],
            options={
                'db_table': 'outbox_queue',
            },
        ),
        migrations.AddField(
            model_name='delivery',
            name='sent_at',
            field=models.DateTimeField(blank=True, help_text='When its last copy went to the broker; empty: none is in a queue.', null=True),
        ),
    ]
