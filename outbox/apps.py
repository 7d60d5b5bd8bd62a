"""The Django app."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    """Imports the `events` and `subscribers` modules of every app, so that a host only has to declare.

    Raises OutboxDeclarationError, in every process, when a subscriber cannot read an older version that is declared.
    """

    name = "outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 - importing registers them
        from .consuming import restart  # noqa: F401 - registers them
        from .declare import (
            events,
            upcasts,
        )
        from .heartbeats import (
            beat,
            own_duties,  # noqa: F401 - registers them
            presence,  # noqa: F401 - a worker leaves signs
        )

        autodiscover_modules("events", "subscribers")
        upcasts.refuse_gaps(events.registry)
        beat.listen()
