"""The hotels as an app of the stand-ins' project."""

from django.apps import AppConfig


class HotelConfig(AppConfig):
    name = "orders.participants.standins.hotel"
    label = "hotel"
