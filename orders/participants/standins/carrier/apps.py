"""The carrier as an app of the stand-ins' project."""

from django.apps import AppConfig


class CarrierConfig(AppConfig):
    name = "orders.participants.standins.carrier"
    label = "carrier"
