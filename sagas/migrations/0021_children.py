"""Runs that other runs have started."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0020_waits")]
    operations = [
        migrations.AddField(
            model_name="run",
            name="is_branch",
            field=models.BooleanField(
                db_default=False, help_text="A part of its parent's run: lists and figures show the parent."
            ),
        ),
        migrations.CreateModel(
            name="Child",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="parenthood",
                        serialize=False,
                        to="sagas.run",
                    ),
                ),
                ("step", models.CharField(help_text="The step of the parent that started it.", max_length=100)),
                (
                    "item",
                    models.PositiveIntegerField(
                        help_text="Which of the step's branches or items it carries out, from 0."
                    ),
                ),
                (
                    "taken_back_at",
                    models.DateTimeField(help_text="When its parent began to undo it after it completed.", null=True),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="sagas.run",
                    ),
                ),
            ],
            options={"db_table": "saga_child", "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="child",
            constraint=models.UniqueConstraint(fields=("parent", "step", "item"), name="saga_child_item"),
        ),
    ]
