"""Trips as a Django app."""

from django.apps import AppConfig


class TripsConfig(AppConfig):
    """Books trips and follows them until they settle."""

    name = "orders.trips"
    label = "trips"
    verbose_name = "Trips"

    def ready(self) -> None:
        """Register what finds keys, and that trips are paid by card."""
        from orders.webhooks.payers import pays_by_card

        from . import earlier, search  # noqa: F401 - they register on import
        from .models import Trip

        pays_by_card(Trip)
