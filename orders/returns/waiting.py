"""Since when a return waits for a worker to take it up."""

from __future__ import annotations

from datetime import datetime

from sagas.models import Run
from sagas.presentation.queue import waits_since

from .models import Return
from .sagas import returning


def queued_since(returned: Return) -> datetime | None:
    """For `orders.presentation.turn`; None once a worker has taken it up. Asks nobody about one that is further."""
    if returned.status != Return.Status.REQUESTED:
        return None
    run = Run.objects.filter(name=returning.name, key=returned.saga_key).first()
    return None if run is None else waits_since(run)
