"""What needs a person, by its cause and with the value at stake, from one index, which takes the place of one by
`asks_since`; and which bulk act an act belongs to. Built while runs go on; a broken-off one can be repeated."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from outbox.sql import trigrams

ADD = """
ALTER TABLE saga_run
    ADD COLUMN IF NOT EXISTS desk_since timestamptz NULL,
    ADD COLUMN IF NOT EXISTS desk_step varchar(100) DEFAULT '' NOT NULL,
    ADD COLUMN IF NOT EXISTS desk_code varchar(100) DEFAULT '' NOT NULL,
    ADD COLUMN IF NOT EXISTS stake numeric(20, 4) NULL,
    ADD COLUMN IF NOT EXISTS stake_currency varchar(8) NULL
"""
ADD_TO_ACTS = """
ALTER TABLE saga_act
    ADD COLUMN IF NOT EXISTS bulk_id bigint NULL REFERENCES saga_bulk_act (id) DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN IF NOT EXISTS cause varchar(201) DEFAULT '' NOT NULL
"""
DROP_FROM_ACTS = "ALTER TABLE saga_act DROP COLUMN IF EXISTS bulk_id, DROP COLUMN IF EXISTS cause"
DROP = """
ALTER TABLE saga_run DROP COLUMN IF EXISTS desk_since, DROP COLUMN IF EXISTS desk_step,
    DROP COLUMN IF EXISTS desk_code, DROP COLUMN IF EXISTS stake, DROP COLUMN IF EXISTS stake_currency
"""
# What is on the desk as this is deployed. What older workers put there meanwhile shows no step and no code.
ON_THE_DESK = """
UPDATE saga_run r
SET desk_since = coalesce(r.asks_since, r.updated_at), desk_step = coalesce(s.name, ''),
    desk_code = coalesce(nullif(s.error_code, ''), r.code, '')
FROM saga_run AS the LEFT JOIN saga_step s ON s.run_id = the.id AND s.position = the.position
WHERE the.id = r.id AND (r.status = 'stuck' OR r.asks_since IS NOT NULL) AND r.desk_since IS NULL
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sagas", "0012_ready_index")]
    operations = trigrams.patiently(
        migrations.RunSQL(
            ADD,
            DROP,
            state_operations=[
                migrations.AddField(
                    "run",
                    "desk_since",
                    models.DateTimeField(help_text="When it last came onto a person's desk.", null=True),
                ),
                migrations.AddField(
                    "run",
                    "desk_step",
                    models.CharField(
                        blank=True, db_default="", help_text="At which step it did so.", max_length=100
                    ),
                ),
                migrations.AddField(
                    "run",
                    "desk_code",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="And for which error code of that step, or of its undo.",
                        max_length=100,
                    ),
                ),
                migrations.AddField(
                    "run",
                    "stake",
                    models.DecimalField(
                        decimal_places=4, help_text="The value at stake.", max_digits=20, null=True
                    ),
                ),
                migrations.AddField("run", "stake_currency", models.CharField(max_length=8, null=True)),
            ],
        ),
        migrations.RunSQL(
            ADD_TO_ACTS,
            DROP_FROM_ACTS,
            state_operations=[
                migrations.AddField(
                    "act",
                    "bulk",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="acts",
                        to="sagas.bulkact",
                    ),
                ),
                migrations.AddField(
                    "act",
                    "cause",
                    models.CharField(
                        blank=True,
                        db_default="",
                        help_text="Why the run needed a person: its step and code.",
                        max_length=201,
                    ),
                ),
            ],
        ),
        migrations.RunSQL(ON_THE_DESK, migrations.RunSQL.noop),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS saga_run_desk", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "run",
            models.Index(
                condition=models.Q(("status", "stuck"), ("asks_since__isnull", False), _connector="OR"),
                fields=["desk_since", "name", "desk_step", "desk_code"],
                include=("stake", "stake_currency", "id"),
                name="saga_run_desk",
            ),
        ),
        RemoveIndexConcurrently("run", "saga_run_asks"),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS saga_act_bulk", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "act",
            models.Index(condition=models.Q(("bulk__isnull", False)), fields=["bulk"], name="saga_act_bulk"),
        ),
    )
