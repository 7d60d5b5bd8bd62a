"""Statements of the sweep."""

from __future__ import annotations

from .run import Statement

# A run that has moved has its message in the queue since `patience` before it is due; one that the sweep has looked at
# before, since `rung_at`. Nothing is in the queue of one that waits for its time, or for a worker that died. While the
# message still waits there the run waits too, five minutes at most, and is looked at again after a quarter of that.
# By the time of the statement, which is one value, the index tells what is due; by the clock, which moves, each run
# that waits would be read.
SWEEP = Statement(
    "saga_sweep",
    """
WITH due AS (
    SELECT r.id, CASE WHEN r.rings > 0 THEN r.rung_at WHEN s.status IN ('pending', 'undo_due')
                      THEN r.wake_at - make_interval(secs => %(patience)s) END AS rung_at
    FROM saga_run r LEFT JOIN saga_step s ON s.run_id = r.id AND s.position = r.position
    WHERE r.wake_at <= statement_timestamp() AND r.wake_at >= coalesce(%(since)s, '-infinity'::timestamptz)
      AND r.paused_at IS NULL
    ORDER BY r.wake_at LIMIT %(batch)s FOR UPDATE OF r SKIP LOCKED
), looked AS (
    SELECT id, rung_at, coalesce(rung_at > coalesce(%(passed)s, '-infinity'::timestamptz)
                                 AND rung_at > clock_timestamp() - interval '5 min', false) AS waits FROM due
)
UPDATE saga_run r
SET rings = CASE WHEN looked.waits THEN greatest(r.rings, 1) ELSE least(r.rings + 1, 100) END,
    rung_at = CASE WHEN looked.waits THEN looked.rung_at ELSE clock_timestamp() END,
    wake_at = clock_timestamp() + CASE
        WHEN looked.waits THEN least(greatest(interval '1 s', (clock_timestamp() - looked.rung_at) / 4),
                                     interval '1 min')
        ELSE make_interval(secs => %(patience)s * least(3, 1 + 0.5 * r.rings)) END
FROM looked WHERE r.id = looked.id
RETURNING looked.waits, r.id, r.name::text, r.version, r.status::text, r.position, r.request_id::text,
          r.traceparent::text
""",
)

# The run that has waited longest for any worker, if it has waited for too long; whether others have as well.
STALE = Statement(
    "saga_stale",
    """
SELECT r.id, count(*) OVER () > 1 FROM (
    SELECT id, ready_at FROM saga_run
    WHERE ready_at <= statement_timestamp() - make_interval(secs => %(patience)s)
      AND ready_at >= coalesce(%(since)s, '-infinity'::timestamptz) AND paused_at IS NULL
    ORDER BY ready_at LIMIT 2
) r ORDER BY r.ready_at LIMIT 1
""",
)
# From now on the sweep sends its message, as that of any run that is overdue: at once.
UNPOOL = """
UPDATE saga_run SET ready_at = NULL, wake_at = clock_timestamp() WHERE id = %(run)s AND ready_at IS NOT NULL
"""

GIVE_BACK = Statement(
    "saga_give_back",
    """
UPDATE saga_run
SET rings = greatest(rings - 1, 1), rung_at = NULL, wake_at = clock_timestamp() + make_interval(secs => 1)
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
END_LEASES = Statement(
    "saga_end_leases",
    """
WITH held AS (
    SELECT r.id, s.id AS step
    FROM saga_run r
    JOIN saga_step s ON s.run_id = r.id AND s.position = r.position
    JOIN saga_attempt a ON a.run_id = r.id AND a.token = s.token
    WHERE r.wake_at > clock_timestamp() AND r.paused_at IS NULL AND s.status IN ('running', 'undoing')
      AND s.lease_until > clock_timestamp() AND a.ended_at IS NULL AND a.worker = %(worker)s
    FOR UPDATE OF r
), freed AS (
    UPDATE saga_step s SET lease_until = clock_timestamp() FROM held WHERE s.id = held.step
)
UPDATE saga_run r SET wake_at = clock_timestamp() FROM held WHERE r.id = held.id
""",
)
"""The steps that a worker of that name holds are free, and their runs due; see `sagas/worker/restart.py`."""

# Of that name in the run, or in a branch of it. Asked for only where a result is missing.
PASSED_OVER = """
SELECT 1 FROM saga_step s
WHERE s.name = %(name)s AND s.status = 'passed_over'
  AND (s.run_id = %(run)s OR s.run_id IN (
       SELECT c.run_id FROM saga_child c JOIN saga_run r ON r.id = c.run_id AND r.is_branch
       WHERE c.parent_id = %(run)s))
"""
RESULT = Statement(
    "saga_result",
    "SELECT result::text FROM saga_step WHERE run_id = %(run)s AND name = %(name)s AND result IS NOT NULL",
)
