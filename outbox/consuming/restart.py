"""A worker that starts again frees the deliveries that the worker of the same name held when it died.

Otherwise a delivery whose subscriber has a `call`, or that is tried again, waits for OUTBOX_REDELIVER_AFTER. The try
counts. If the dead worker lives after all, its late answer is thrown away once another try has begun. Names of workers
must be unique, as Celery requires too; a worker whose name changes at each start (a pod's) frees nothing.
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
    """The name of the worker that runs this task; empty outside a task."""
    return str(current_task.request.hostname or "") if current_task else ""


def free_deliveries(worker: str) -> int:
    """Free the deliveries that the worker of this name holds, so that the relay has them tried again.

    Returns how many.

    Call it for a worker that is dead or ends right after. Raises DatabaseError.
    """
    return sql.free_held(worker)


@celeryd_after_setup.connect
def free_deliveries_of_predecessor(sender: str, **_: Any) -> None:
    """Free what is held under this worker's name, before the worker takes its first message.

    Nobody catches an error here. Without a database the holds end by themselves.
    """
    try:
        freed = free_deliveries(sender)
    except DatabaseError as error:
        logger.warning("outbox.predecessor_not_asked_for", extra={"worker": sender, "error": str(error)})
        return
    finally:
        connection.close()  # worker processes are forked after this and must not share it
    if freed:
        logger.warning("outbox.predecessor_died", extra={"worker": sender, "deliveries": freed})
