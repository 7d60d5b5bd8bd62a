"""The hotels as an app of the stand-ins' project."""

from django.apps import AppConfig


class HotelConfig(AppConfig):
    name = "config.standins.hotel"
    label = "hotel"
