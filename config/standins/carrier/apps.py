"""The carrier as an app of the stand-ins' project."""

from django.apps import AppConfig


class CarrierConfig(AppConfig):
    name = "config.standins.carrier"
    label = "carrier"
