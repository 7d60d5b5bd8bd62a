"""The webhooks as a Django app. It has no tables: the outbox's inbox remembers what was received."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Receives what the card processor reports."""

    name = "orders.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
