"""The warehouse as an app of the stand-ins' project."""

from django.apps import AppConfig


class WarehouseConfig(AppConfig):
    name = "config.standins.warehouse"
    label = "warehouse"
