"""Whether what a trip's page shows may have changed, for one statement: see `orders/presentation/row_state.py`."""

from __future__ import annotations

from uuid import UUID

from orders.presentation.row_state import state_of
from sagas.presentation.queue import WAITS_SINCE

from .sagas import trip

TRIP = f"""
SELECT t.xmin, t.ctid, r.xmin, r.ctid,
       (SELECT string_agg(concat(xmin, ctid), '' ORDER BY id) FROM saga_step WHERE run_id = r.id),
       (SELECT string_agg(concat(b.xmin, b.ctid, s.xmin, s.ctid), '' ORDER BY b.id)
        FROM saga_child c JOIN saga_run b ON b.id = c.run_id JOIN saga_step s ON s.run_id = b.id
        WHERE c.parent_id = r.id),
       {WAITS_SINCE}
FROM trips_trip t
LEFT JOIN saga_run r ON r.name = %(saga)s AND r.key = %(key)s
WHERE t.id = %(id)s
"""


def of_trip(trip_id: UUID) -> str:
    """Changes with the trip and the run that carries it; "" for no such trip. Read it before the rows."""
    return state_of(TRIP, trip_id, trip.name, f"trip:{trip_id}")
