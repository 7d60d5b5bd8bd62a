"""Trips as a Django app."""

from django.apps import AppConfig


class TripsConfig(AppConfig):
    """Books trips and follows them until they settle."""

    name = "orders.trips"
    label = "trips"
    verbose_name = "Trips"

    def ready(self) -> None:
        """Register what finds keys."""
        from . import search  # noqa: F401 - it registers on import
