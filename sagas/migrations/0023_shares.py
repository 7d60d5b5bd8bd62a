"""Runs that share the workers: their tickets, and how far each share is. The new columns are null: nothing is rewritten."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0022_attributes")]
    operations = [
        migrations.AddField(
            model_name="run",
            name="share",
            field=models.CharField(
                help_text="Whose share of the workers it uses; empty where it names none.", max_length=100, null=True
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="queued_at",
            field=models.DateTimeField(
                help_text="Since when it waits for the turn of its share; empty once it was let in.", null=True
            ),
        ),
        migrations.CreateModel(
            name="ShareTime",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                (
                    "passed",
                    models.FloatField(
                        help_text="Runs that it has begun, each divided by its weight, as of when it came."
                    ),
                ),
            ],
            options={"db_table": "saga_share_time", "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="ticket",
                        serialize=False,
                        to="sagas.run",
                    ),
                ),
                (
                    "share",
                    models.CharField(blank=True, help_text="Empty: the runs that name no share.", max_length=100),
                ),
                (
                    "line",
                    models.CharField(
                        blank=True,
                        help_text="The saga and the key of its limit, should it have one for this run.",
                        max_length=301,
                    ),
                ),
                (
                    "line_at_once",
                    models.PositiveIntegerField(help_text="The most runs of the line at once.", null=True),
                ),
                (
                    "priority",
                    models.SmallIntegerField(default=0, help_text="Within a share higher ones go first."),
                ),
                (
                    "let_in_at",
                    models.DateTimeField(
                        help_text="When a worker may have taken it first; empty while it waits.", null=True
                    ),
                ),
                (
                    "is_limited",
                    models.BooleanField(
                        default=False, help_text="Counted against a limit, until the run has ended."
                    ),
                ),
            ],
            options={
                "db_table": "saga_ticket",
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        models.F("share"),
                        models.F("line"),
                        models.OrderBy(models.F("priority"), descending=True),
                        models.F("run"),
                        condition=models.Q(("let_in_at", None)),
                        name="saga_ticket_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("let_in_at__isnull", False)),
                        fields=["share", "line"],
                        name="saga_ticket_let_in",
                    ),
                ],
            },
        ),
    ]
