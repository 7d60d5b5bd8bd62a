"""The airline as an app of the stand-ins' project."""

from django.apps import AppConfig


class FlightConfig(AppConfig):
    name = "orders.participants.standins.flight"
    label = "flight"
