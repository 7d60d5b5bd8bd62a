"""Dead letters by their kind of error."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("outbox", "0008_watermarks")]
    operations = trigrams.patiently(
        AddIndexConcurrently(
            "deadletter", models.Index(fields=["error_class", "died_at"], name="outbox_dead_letter_error")
        ),
    )
