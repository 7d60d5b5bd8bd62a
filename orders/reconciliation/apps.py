"""The reconciliation as a Django app."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Compares books; what differs becomes a stuck run on the operators' desk."""

    name = "orders.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        """Register the duty and the schedule."""
        from . import comparison, duties  # noqa: F401 - they register on import
