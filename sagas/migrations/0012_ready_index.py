"""The queue of the runs that any worker may take. Built while runs go on; a broken-off one can be repeated."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sagas", "0011_ready_at")]
    operations = trigrams.patiently(
        AddIndexConcurrently(
            "run",
            models.Index(
                condition=models.Q(("paused_at", None), ("ready_at__isnull", False)),
                fields=["ready_at"],
                name="saga_run_ready",
            ),
        ),
    )
