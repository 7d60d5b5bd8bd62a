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

# Of the runs in its hands, the steps that a worker leaves as it ends. Its attempt is granted: no participant failed.
PUT_DOWN = """
WITH run AS (
    SELECT id, position FROM saga_run WHERE id = ANY(%(runs)s) ORDER BY id FOR UPDATE
), step AS (
    UPDATE saga_step s SET lease_until = clock_timestamp(), granted = s.granted + 1
    FROM run, saga_attempt a
    WHERE s.run_id = run.id AND s.position = run.position AND s.status IN ('running', 'undoing')
      AND s.lease_until > clock_timestamp()
      AND a.run_id = s.run_id AND a.token = s.token AND a.worker = %(worker)s
    RETURNING s.run_id
)
UPDATE saga_run r SET wake_at = clock_timestamp() FROM step WHERE r.id = step.run_id
"""

RESULT = Statement(
    "saga_result",
    "SELECT result::text FROM saga_step WHERE run_id = %(run)s AND name = %(name)s AND result IS NOT NULL",
)
