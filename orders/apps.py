"""The shop as a Django app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Places orders and follows them until they settle."""

    name = "orders"
    verbose_name = "Shop"
