"""What runs are found by beside their subject. The table is new, so that its indexes wait for nobody."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0021_children")]
    operations = [
        migrations.CreateModel(
            name="Attribute",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey("run_id", "name", blank=True, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=50)),
                (
                    "text",
                    models.CharField(
                        db_collation="C",
                        help_text="A text; a date as 2026-03-04; yes or no.",
                        max_length=200,
                        null=True,
                    ),
                ),
                ("number", models.DecimalField(decimal_places=10, max_digits=30, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attributes",
                        to="sagas.run",
                    ),
                ),
            ],
            options={
                "db_table": "saga_attribute",
                "ordering": ["name"],
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("text__isnull", False)),
                        fields=["name", "text", "run"],
                        name="saga_attribute_text",
                    ),
                    models.Index(
                        condition=models.Q(("number__isnull", False)),
                        fields=["name", "number", "run"],
                        name="saga_attribute_number",
                    ),
                ],
            },
        ),
    ]
