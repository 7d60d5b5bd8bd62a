"""Requests a duty that runs seldom and was missed; a relay does this.

The duty's heartbeat then says that it ran late.

Beat sends a nightly task once. When the broker refuses it at that moment, or beat comes back hours later, beat sends
the next one a day later. A duty that runs each second is not requested, because its next tick replaces the last.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import current_app
from kombu.exceptions import OperationalError

from .. import sql
from ..messages import sending_time
from . import beat_schedule
from .duties import DUTIES, Duty

logger = logging.getLogger(__name__)

LOOK = 30.0  # seconds between two checks of a relay
AGAIN = timedelta(hours=1)  # between two requests for one duty, because the first may still wait or be retried


def request_runs() -> int:
    """Request the runs that were missed and are not switched off.

    Returns how many. Of several callers one is enough.
    """
    sql.register_duties(list(DUTIES))
    seldom = [one for one in DUTIES.values() if one.is_task and not one.is_frequent and one.healthy is not None]
    sent = beat_schedule.tasks()
    return sum(_request_run(one) for one in seldom if sent.get(one.name))


def _request_run(one: Duty) -> bool:
    if not sql.request_run(one.name, one.missed_after, AGAIN):
        return False
    try:
        current_app.send_task(one.name, expires=AGAIN.total_seconds(), retry=False, headers=sending_time.stamped())
    except (OperationalError, OSError) as error:
        sql.withdraw_request(one.name)
        logger.warning("A duty was missed and cannot be asked for yet", extra={"duty": one.name, "error": str(error)})
        return False
    logger.warning("A duty was missed: it is asked for", extra={"duty": one.name})
    return True
