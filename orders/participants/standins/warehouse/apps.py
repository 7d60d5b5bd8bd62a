"""The warehouse as an app of the stand-ins' project."""

from django.apps import AppConfig


class WarehouseConfig(AppConfig):
    name = "orders.participants.standins.warehouse"
    label = "warehouse"
