"""What operators search and filter by, from an index each. Built while runs go on; a broken-off one can be repeated."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sagas", "0009_asking")]
    operations = trigrams.patiently(
        # Of finished runs alone: a run that is carried out changes its row often, and would have a new entry each time.
        trigrams.make("saga_run_subject", "saga_run", "subject", "finished_at IS NOT NULL"),
        AddIndexConcurrently(
            "run",
            models.Index(
                condition=models.Q(("finished_at__isnull", False), models.Q(("request_id", ""), _negated=True)),
                fields=["request_id"],
                name="saga_run_request",
            ),
        ),
        AddIndexConcurrently("act", models.Index(Upper("actor_name"), "id", name="saga_act_actor")),
        AddIndexConcurrently("act", models.Index(fields=["verb", "id"], name="saga_act_verb")),
    )
