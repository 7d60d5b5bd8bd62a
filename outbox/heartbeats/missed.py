"""A duty that runs seldom and was missed is asked for, by whoever relays, and says so when it has run.

Beat sends a nightly task once: when the broker refuses it at that moment, or beat comes back hours later, the next is
sent a day later. What runs each second is not asked for: its next tick makes up for the last.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import current_app
from kombu.exceptions import OperationalError

from .. import sql
from . import beat_schedule
from .duties import DUTIES, Duty

logger = logging.getLogger(__name__)

LOOK = 30.0  # seconds between two looks of a relay
AGAIN = timedelta(hours=1)  # between two askings for one duty: it may be under way, or be tried again by itself


def request_runs() -> int:
    """Have run what was missed and is not switched off; returns how many were asked for. One look of many is enough."""
    sql.register_duties(list(DUTIES))
    seldom = [one for one in DUTIES.values() if one.is_task and not one.is_frequent and one.healthy is not None]
    sent = beat_schedule.tasks()
    return sum(_request_run(one) for one in seldom if sent.get(one.name))


def _request_run(one: Duty) -> bool:
    if not sql.request_run(one.name, one.missed_after, AGAIN):
        return False
    try:
        current_app.send_task(one.name, expires=AGAIN.total_seconds(), retry=False)
    except (OperationalError, OSError) as error:
        sql.withdraw_request(one.name)
        logger.warning("A duty was missed and cannot be asked for yet", extra={"duty": one.name, "error": str(error)})
        return False
    logger.warning("A duty was missed: it is asked for", extra={"duty": one.name})
    return True
