"""Who holds a delivery, so that its successor can free it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0009_error_class")]
    operations = [
        migrations.AddField(
            "delivery",
            "held_by",
            models.CharField(
                blank=True, db_default="", default="", help_text="The worker that is at it, or was.", max_length=255
            ),
        ),
    ]
