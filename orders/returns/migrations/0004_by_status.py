"""Returns are listed by their status."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("returns", "0003_currencies")]
    operations = trigrams.patiently(
        AddIndexConcurrently("return", models.Index(fields=["status", "-created_at"], name="return_by_status")),
    )
