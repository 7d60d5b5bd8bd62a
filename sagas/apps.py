"""The app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SagasConfig(AppConfig):
    name = "sagas"
    verbose_name = "Sagas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import every installed app's `sagas` module; register checks, duties, acts and what a worker's start does."""
        from . import checks  # noqa: F401 - they register on import
        from .desk import bulk_acts  # noqa: F401 - they register on import
        from .maintenance import duties  # noqa: F401 - they register on import
        from .worker import restart  # noqa: F401 - they register on import

        autodiscover_modules("sagas")
