"""What the desk's first page counts of orders that no run carries, from an index of these alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0008_search")]
    operations = trigrams.patiently(
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_events_on_desk", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "order",
            models.Index(
                condition=models.Q(("coordination", "choreography"), ("status", "needs_attention")),
                fields=["created_at"],
                name="order_events_on_desk",
            ),
        ),
    )
