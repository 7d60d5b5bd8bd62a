"""Trips are found by a part of their traveller's e-mail address, and listed by city."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper

from outbox.sql import trigrams


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("trips", "0003_currencies")]
    operations = trigrams.patiently(
        trigrams.make("trips_trip_email", "trips_trip", "email"),
        AddIndexConcurrently("trip", models.Index(Upper("email"), name="trip_by_email")),
        AddIndexConcurrently("trip", models.Index(fields=["city", "-created_at"], name="trip_by_city")),
    )
