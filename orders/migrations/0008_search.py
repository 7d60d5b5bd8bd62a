"""Orders are found by a part of their customer's e-mail address, or by all of it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0007_currencies")]
    operations = trigrams.patiently(
        trigrams.make("orders_order_email", "orders_order", "email"),
        AddIndexConcurrently("order", models.Index(Upper("email"), name="order_by_email")),
    )
