"""Since when a run waits for any worker that is free."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0010_search")]
    operations = [
        migrations.AddField(
            model_name="run",
            name="ready_at",
            field=models.DateTimeField(
                help_text="Since when any worker may take it; empty where a message of its own brings it, and once it is claimed.",
                null=True,
            ),
        ),
    ]
