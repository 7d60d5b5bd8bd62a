"""How often in a row the database or the broker failed a delivery."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0006_heartbeats'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='failed_by_us',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='How often in a row the database or the broker failed: that costs no attempt.'),
        ),
    ]
