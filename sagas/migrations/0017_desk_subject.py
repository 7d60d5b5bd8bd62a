"""What operators search runs by that need them, from an index: there may be very many. Built while runs go on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sagas", "0016_tally")]
    operations = trigrams.patiently(
        trigrams.make(
            "saga_run_desk_subject",
            "saga_run",
            "subject",
            "status = 'stuck' OR asks_since IS NOT NULL",
            statistics=False,  # migration 0010 has them
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS saga_run_desk_request", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "run",
            models.Index(
                condition=models.Q(
                    models.Q(("status", "stuck"), ("asks_since__isnull", False), _connector="OR"),
                    models.Q(("request_id", ""), _negated=True),
                ),
                fields=["request_id"],
                name="saga_run_desk_request",
            ),
        ),
    )
