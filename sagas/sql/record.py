"""Record that a step, or its undo, is done.

The token fences: a worker whose lease ran out finds no row once another one took the step, or the run turned around.
"""

from __future__ import annotations

from outbox.sql import GATHERED, told_by

from .claim import WAKE
from .run import Statement

_DONE = """
WITH run AS (
    SELECT id, pivot, paused_at,
           (cancel_requested_at IS NOT NULL OR deadline_at <= statement_timestamp()) IS TRUE AS must_stop
    FROM saga_run WHERE id = %(run)s AND status = 'running' AND position = %(position)s FOR UPDATE
), step AS (
    UPDATE saga_step s
    SET status = 'done', result = %(result)s, token = NULL, lease_until = NULL,
        error_class = '', error_code = '', error_text = ''
    FROM run WHERE s.run_id = run.id AND s.position = %(position)s AND s.token = %(token)s
    RETURNING s.run_id
), attempt AS (
    UPDATE saga_attempt a SET outcome = 'done', ended_at = clock_timestamp()
    FROM step WHERE a.run_id = step.run_id AND a.token = %(token)s
)
"""

_ONLY = """
UPDATE saga_run r
SET position = r.position + 1, status = %(status)s, row_version = r.row_version + 1, updated_at = clock_timestamp(),
    waits_for = '', asks_since = NULL,
    reason = CASE WHEN r.cancel_requested_at IS NULL OR %(last)s THEN '' ELSE r.reason END,
    code = CASE WHEN r.cancel_requested_at IS NULL OR %(last)s THEN '' ELSE r.code END,
    wake_at = CASE WHEN %(last)s THEN NULL ELSE clock_timestamp() + make_interval(secs => %(patience)s) END,
    finished_at = CASE WHEN %(last)s THEN clock_timestamp() END
FROM step WHERE r.id = step.run_id
RETURNING NULL::integer, NULL::integer, NULL::integer
"""

# The next step is taken in the same breath, if it has never been asked for and nothing stands in its way: a pause, a
# cancel or a passed deadline before the pivot. Otherwise the row says no attempt.
_AND_CLAIM = f"""
, next AS (
    UPDATE saga_step s
    SET status = 'running', attempts = s.attempts + 1, token = %(next_token)s,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    FROM run, step
    WHERE s.run_id = step.run_id AND s.position = %(position)s + 1 AND s.status = 'pending'
      AND run.paused_at IS NULL AND (NOT run.must_stop OR s.position > run.pivot)
    RETURNING s.run_id, s.name, s.attempts AS number, s.forgiven, s.granted, s.lease_until
), started AS (
    INSERT INTO saga_attempt (run_id, step, direction, number, token, started_at, worker, task_id, traceparent,
                              outcome, error_class, error_text)
    SELECT run_id, name, 'forward', number, %(next_token)s, clock_timestamp(), %(worker)s, %(task)s, %(traceparent)s,
           '', '', '' FROM next
)
UPDATE saga_run r
SET position = r.position + 1, row_version = r.row_version + 1, updated_at = clock_timestamp(), rings = 0,
    waits_for = '', asks_since = NULL,
    reason = CASE WHEN r.cancel_requested_at IS NULL THEN '' ELSE r.reason END,
    code = CASE WHEN r.cancel_requested_at IS NULL THEN '' ELSE r.code END,
    wake_at = CASE WHEN next.run_id IS NULL THEN clock_timestamp() + make_interval(secs => %(patience)s)
                   ELSE {WAKE.format(lease="next.lease_until")} END
FROM step LEFT JOIN next ON next.run_id = step.run_id WHERE r.id = step.run_id
RETURNING next.number, next.forgiven, next.granted
"""
_TOLD = f", {told_by(f'step, {GATHERED}')}"
_DONE = _DONE.rstrip()

RECORD_STEP = Statement("saga_record_step", _DONE + _ONLY)
RECORD_AND_CLAIM = Statement("saga_record_and_claim", _DONE + _AND_CLAIM)
# The same with the events that the step's hook published.
RECORD_AND_TELL = Statement("saga_record_and_tell", _DONE + _TOLD + _ONLY)
RECORD_TELL_AND_CLAIM = Statement("saga_record_tell_and_claim", _DONE + _TOLD + _AND_CLAIM)

RECORD_UNDO = Statement(
    "saga_record_undo",
    """
WITH run AS (
    SELECT id FROM saga_run WHERE id = %(run)s AND status = 'undoing' AND position = %(position)s FOR UPDATE
),
step AS (
    UPDATE saga_step s
    SET status = 'undone', token = NULL, lease_until = NULL, forgiven = 0, granted = 0
    FROM run WHERE s.run_id = run.id AND s.position = %(position)s AND s.token = %(token)s
    RETURNING s.run_id
), attempt AS (
    UPDATE saga_attempt a SET outcome = 'done', ended_at = clock_timestamp()
    FROM step WHERE a.run_id = step.run_id AND a.token = %(token)s
), next AS (
    SELECT max(o.position) AS position FROM saga_step o JOIN step ON o.run_id = step.run_id
    WHERE o.position < %(position)s AND o.status = 'undo_due'
)
UPDATE saga_run r
SET position = coalesce(next.position, -1), row_version = r.row_version + 1, updated_at = clock_timestamp(),
    waits_for = '', asks_since = NULL,
    status = CASE WHEN next.position IS NULL THEN 'compensated' ELSE r.status END,
    wake_at = CASE WHEN next.position IS NULL THEN NULL
                   ELSE clock_timestamp() + make_interval(secs => %(patience)s) END,
    finished_at = CASE WHEN next.position IS NULL THEN clock_timestamp() END
FROM step, next WHERE r.id = step.run_id
RETURNING r.status::text, r.code::text, r.reason, r.position
""",
)
