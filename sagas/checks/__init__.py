"""Django's system checks of the engine; each hint says how to fix the problem. Importing this registers them."""

from .alerts import check_alerts
from .apps import check_any, check_apps
from .broker import check_broker, check_kombu, check_participants, check_schedule, check_upkeep
from .declarations import check_declarations
from .deploy import check_eviction, check_task_acks
from .orphans import check_orphans
from .queues import check_queues, check_routes
from .retention import check_retention
from .second_person import check_second_person
from .shares import check_shares

__all__ = [
    "check_alerts",
    "check_any",
    "check_apps",
    "check_broker",
    "check_declarations",
    "check_eviction",
    "check_kombu",
    "check_orphans",
    "check_participants",
    "check_queues",
    "check_retention",
    "check_routes",
    "check_schedule",
    "check_second_person",
    "check_shares",
    "check_task_acks",
    "check_upkeep",
]
