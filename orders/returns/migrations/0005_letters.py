import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

WRITTEN_BEFORE = """
INSERT INTO returns_letter (returned_id, kind, message_id, begun_at, sent_at)
SELECT id, CASE status WHEN 'declined' THEN 'declined' ELSE 'refunded' END, '', updated_at, updated_at
FROM returns_return
WHERE status IN ('done', 'declined') OR (refund_id <> '' AND refunded_at IS NULL)
"""
"""What customers were told before: of a return that has ended, once; of one whose refund has failed since, that it was
refunded."""


class Migration(migrations.Migration):
    dependencies = [("returns", "0004_by_status")]

    operations = [
        migrations.CreateModel(
            name="Letter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("refunded", "Your return is refunded"),
                            ("declined", "We could not take it back"),
                            ("unpaid", "The refund did not arrive, against what we wrote"),
                            ("paid_again", "It is refunded after all"),
                            ("withdrawn", "It is not refunded, against what we wrote"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "message_id",
                    models.CharField(
                        help_text="The letter's own Message-ID, the same however often sent.", max_length=255
                    ),
                ),
                ("begun_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "sent_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Empty: begun, and nobody knows whether the mail server took it.",
                        null=True,
                    ),
                ),
                (
                    "returned",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="letters", to="returns.return"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.UniqueConstraint(fields=("returned", "message_id"), name="letter_once_per_message")
                ],
            },
        ),
        migrations.RunSQL(WRITTEN_BEFORE, migrations.RunSQL.noop),
    ]
