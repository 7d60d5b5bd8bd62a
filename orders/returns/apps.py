"""Returns as a Django app."""

from django.apps import AppConfig


class ReturnsConfig(AppConfig):
    """Takes confirmed orders back and refunds them."""

    name = "orders.returns"
    label = "returns"
    verbose_name = "Returns"

    def ready(self) -> None:
        """Register what finds keys."""
        from . import search  # noqa: F401 - it registers on import
