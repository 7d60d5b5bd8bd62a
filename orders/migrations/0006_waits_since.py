"""Which step of an order waits for a participant that is away, and since when."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0005_races'),
    ]

    operations = [
        migrations.AddField(
            model_name='journeystep',
            name='waits_since',
            field=models.DateTimeField(blank=True, help_text='It waits for its participant to be back, since then.', null=True),
        ),
        migrations.AddIndex(
            model_name='journeystep',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['name', 'next_attempt_at'], name='journey_step_waiting'),
        ),
    ]
