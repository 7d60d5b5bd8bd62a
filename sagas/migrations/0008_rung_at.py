"""When the sweep last sent a run's message."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0007_awaits'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='rung_at',
            field=models.DateTimeField(help_text='When its last message was sent, as the sweep knows from rings.', null=True),
        ),
    ]
