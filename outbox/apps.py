"""The Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    """Imports every app's `events` and `subscribers` modules, so that declaring is all a host has to do.

    Raises OutboxDeclarationError, in every process, when a subscriber cannot read an older version that is declared.
    """

    name = "outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import (
            beat,
            checks,  # noqa: F401 - registers them
            declaration,
            restart,  # noqa: F401 - registers it
            upcasts,
            watched,  # noqa: F401 - registers its duties
        )

        autodiscover_modules("events", "subscribers")
        upcasts.refuse_gaps(declaration.registry)
        beat.listen()
