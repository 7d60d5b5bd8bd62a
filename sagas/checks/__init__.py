"""What is refused before anything runs, each with a sentence that says how to mend it. Importing this registers it."""

from .apps import check_any, check_apps
from .broker import check_broker, check_kombu, check_participants, check_schedule, check_upkeep
from .declarations import check_declarations
from .deploy import check_eviction, check_links
from .orphans import check_orphans
from .queues import check_queues, check_routes
from .retention import check_retention

__all__ = [
    "check_any",
    "check_apps",
    "check_broker",
    "check_declarations",
    "check_eviction",
    "check_kombu",
    "check_links",
    "check_orphans",
    "check_participants",
    "check_queues",
    "check_retention",
    "check_routes",
    "check_schedule",
    "check_upkeep",
]
