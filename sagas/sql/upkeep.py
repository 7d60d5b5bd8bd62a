"""Statements of the sweep."""

from __future__ import annotations

from .run import Statement

SWEEP = Statement(
    "saga_sweep",
    """
UPDATE saga_run r
SET rings = least(r.rings + 1, 100),
    wake_at = clock_timestamp() + make_interval(secs => least(60, %(patience)s * power(2, least(r.rings, 10))))
FROM (SELECT id FROM saga_run WHERE wake_at <= clock_timestamp() AND paused_at IS NULL
      ORDER BY wake_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED) due
WHERE r.id = due.id
RETURNING r.id, r.name::text, r.version, r.status::text, r.position, r.request_id::text, r.traceparent::text
""",
)

GIVE_BACK = Statement(
    "saga_give_back",
    """
UPDATE saga_run SET rings = greatest(rings - 1, 0), wake_at = clock_timestamp() + make_interval(secs => 1)
WHERE id = ANY(%(ids)s) AND wake_at IS NOT NULL
""",
)

RESULT = Statement(
    "saga_result",
    "SELECT result::text FROM saga_step WHERE run_id = %(run)s AND name = %(name)s AND result IS NOT NULL",
)
