"""A worker that starts releases the steps that the previous worker of its name had claimed when it died.

Without this a step waits for its lease: the step's timeout and SAGAS_LEASE_MARGIN. A step that is freed is asked for
once more under the same key, as after a lease, while the participant may still be at the first asking; and a claim of
the dead worker, should it live after all, is fenced by its token. Names of workers must be unique, as Celery asks too;
a worker whose name is new after each start (a pod's) frees nothing, and the leases end by themselves.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.signals import celeryd_after_setup
from django.db import DatabaseError, connection

from .. import sql

logger = logging.getLogger(__name__)


@celeryd_after_setup.connect
def free_steps_of_predecessor(sender: str, **_: Any) -> None:
    """End the leases held under this worker's name before it claims its first step; the sweep starts those runs again.

    It runs where nobody catches an error: without a database the leases simply end by themselves.
    """
    try:
        freed = sql.END_LEASES.count({"worker": sender})
    except DatabaseError as error:
        logger.warning("saga.predecessor_not_asked_for", extra={"worker": sender, "error": str(error)})
        return
    finally:
        connection.close()  # a pool of processes is forked after this
    if freed:
        logger.warning("saga.predecessor_died", extra={"worker": sender, "steps": freed})
