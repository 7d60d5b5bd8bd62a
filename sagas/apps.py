"""Django's configuration of the app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from . import hosting


class SagasConfig(AppConfig):
    name = "sagas"
    verbose_name = "Sagas"
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        """Raises SagaDeclarationError where the outbox is not installed; Django would only call its models strange."""
        hosting.refuse_missing_apps()
        super().import_models()

    def ready(self) -> None:
        """Register checks, duties, the worker's start signal and the front page's parts; import each app's `sagas`."""
        from . import checks  # noqa: F401 - they register on import
        from .alerts import reminders, telling  # noqa: F401 - subscribers, which register on import
        from .front import page
        from .maintenance import duties  # noqa: F401 - they register on import

        page.fill()
        from .worker import restart  # noqa: F401 - they register on import

        autodiscover_modules("sagas")
