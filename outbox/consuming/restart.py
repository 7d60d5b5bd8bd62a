"""A worker that starts again frees the deliveries that the worker of its name before it died with.

Without this a delivery whose subscriber has a `call`, or that is tried again, waits for OUTBOX_REDELIVER_AFTER. The try
counts, and a late answer of the dead worker, should it live after all, is thrown away once another try has begun. Names
of workers must be unique, as Celery asks too; a worker whose name is new after each start (a pod's) frees nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import current_task
from celery.signals import celeryd_after_setup
from django.db import DatabaseError, connection

from .. import sql

logger = logging.getLogger(__name__)


def this_worker() -> str:
    """The name of the worker whose task this is; empty outside of one."""
    return str(current_task.request.hostname or "") if current_task else ""


def free_deliveries(worker: str) -> int:
    """Free the deliveries that the worker of this name holds: the relay has them tried at its next round; how many.

    Call it for a worker that is dead, or that ends right after. Raises DatabaseError.
    """
    return sql.free_held(worker)


@celeryd_after_setup.connect
def free_deliveries_of_predecessor(sender: str, **_: Any) -> None:
    """Free what is held under this worker's name, before it takes its first message.

    It runs where nobody catches an error: without a database the holds simply end by themselves.
    """
    try:
        freed = free_deliveries(sender)
    except DatabaseError as error:
        logger.warning("outbox.predecessor_not_asked_for", extra={"worker": sender, "error": str(error)})
        return
    finally:
        connection.close()  # a pool of processes is forked after this
    if freed:
        logger.warning("outbox.predecessor_died", extra={"worker": sender, "deliveries": freed})
