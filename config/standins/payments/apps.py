"""The card processor as a Django app with a database of its own."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "config.standins.payments"
    label = "payments"
    verbose_name = "Payments stand-in"
