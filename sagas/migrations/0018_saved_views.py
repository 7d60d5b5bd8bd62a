"""Views of the run list that people keep."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0017_desk_subject"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("query", models.CharField(blank=True, help_text="The list's query, in the order of its fields.", max_length=1000)),
                ("shared", models.BooleanField(default=False, help_text="Whether all who may see runs see it.")),
                ("owner", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name": "saved view",
                "db_table": "saga_saved_view",
                "ordering": ["name", "id"],
                "permissions": [("share_savedview", "Can share saved views of the run list")],
                "indexes": [models.Index(condition=models.Q(("shared", True)), fields=["name"], name="saga_saved_view_shared")],
                "constraints": [models.UniqueConstraint(fields=("owner", "name"), name="saga_saved_view_once")],
            },
        ),
    ]
