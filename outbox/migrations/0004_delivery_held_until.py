"""Deliveries that are not to be handled yet say so: their key waits for them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0003_destinations")]
    operations = [
        migrations.AddField(
            "Delivery",
            "held_until",
            models.DateTimeField(blank=True, help_text="Not handled before: it failed, or a worker is at it.", null=True),
        ),
    ]
