"""The airline as an app of the stand-ins' project."""

from django.apps import AppConfig


class FlightConfig(AppConfig):
    name = "config.standins.flight"
    label = "flight"
