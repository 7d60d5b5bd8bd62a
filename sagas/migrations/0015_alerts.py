"""Where each rule of the alerts stands: a row a rule and label."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sagas", "0014_handling")]
    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("rule", models.CharField(max_length=60)),
                ("label", models.CharField(blank=True, help_text="Which of several that the rule is about.", max_length=200)),
                ("state", models.CharField(choices=[("ok", "over"), ("pending", "not yet"), ("firing", "on"), ("ending", "about to be over")], max_length=8)),
                ("since", models.DateTimeField(help_text="In its state.")),
                ("title", models.CharField(max_length=200)),
                ("words", models.TextField(blank=True, help_text="What its figure meant when it was last above.")),
                ("do", models.TextField(blank=True, help_text="What to do.")),
                ("value", models.FloatField(default=0, help_text="The figure when it was last above.")),
                ("began_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("told_begin_at", models.DateTimeField(help_text="Empty: nobody was told, or its end was told since.", null=True)),
                ("told_end_at", models.DateTimeField(null=True)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("acknowledged_by", models.CharField(blank=True, max_length=200)),
                ("acknowledged_reason", models.TextField(blank=True)),
                ("silenced_until", models.DateTimeField(null=True)),
                ("silenced_by", models.CharField(blank=True, max_length=200)),
                ("silenced_reason", models.TextField(blank=True)),
            ],
            options={
                "db_table": "saga_alert",
                "permissions": [("acknowledge_alert", "Can acknowledge alerts"), ("silence_alert", "Can silence alerts")],
                "constraints": [models.UniqueConstraint(fields=("rule", "label"), name="saga_alert_once")],
            },
        ),
    ]
