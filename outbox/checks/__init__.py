"""System checks for misconfiguration that would be silent.

Each says how to correct it. Importing this registers them.

Duplicate names and subscribers to something that is no event are refused earlier, at import: see `declare/events.py`.
"""

from .broker import check_broker, check_celery
from .database import check_binding, check_kind, check_tables
from .declared import check_destinations, check_subscribers
from .expiry import check_expiry, check_rows
from .queues import check_queues, check_routes
from .running import check_middleware, check_running
from .timing import check_timing

__all__ = [
    "check_binding",
    "check_broker",
    "check_celery",
    "check_destinations",
    "check_expiry",
    "check_kind",
    "check_middleware",
    "check_queues",
    "check_routes",
    "check_rows",
    "check_running",
    "check_subscribers",
    "check_tables",
    "check_timing",
]
