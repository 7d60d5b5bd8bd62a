"""Trips as a Django app."""

from django.apps import AppConfig


class TripsConfig(AppConfig):
    """Books trips and follows them until they settle."""

    name = "orders.trips"
    label = "trips"
    verbose_name = "Trips"
