"""The shop as a Django app."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Places orders and follows them until they settle."""

    name = "orders"
    verbose_name = "Shop"

    def ready(self) -> None:
        """Register the checks, the duties, what finds keys, and parts of the first page of the admin."""
        from .catalogue import checks, duties  # noqa: F401 - they register on import
        from .choreography import causes  # noqa: F401
        from .choreography import duties as looked_after  # noqa: F401
        from .desk import search  # noqa: F401
        from .faults import checks as guarded  # noqa: F401
        from .faults import front_page  # noqa: F401
        from .participants import checks as identities  # noqa: F401
