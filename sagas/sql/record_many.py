"""Record that the steps of several runs are done, with their events, and claim the next step of each: one statement.

A run whose row is missing from the answer was not recorded, and neither were its events: its token is stale, it has
been paused or turned around, or somebody holds its row. Record that one by itself to learn which.
"""

from __future__ import annotations

from outbox.sql import GATHERED, told_by

from .claim import WAKE
from .run import Statement

_EVENTS = f"""{GATHERED} JOIN unnest(%(event_tokens)s) WITH ORDINALITY AS e (token, n) ON e.n = m.n
     JOIN step ON step.token = e.token"""

# SKIP LOCKED: whoever records many waits for none of them, and so cannot be waited for in a circle. All is joined by
# token: a run may be given twice, by the worker that has its step and by one whose lease on it has passed on.
RECORD_MANY = Statement(
    "saga_record_many",
    f"""
WITH given AS MATERIALIZED (
    SELECT u.* FROM unnest(%(runs)s, %(positions)s, %(tokens)s, %(results)s, %(lasts)s, %(pools)s, %(next_tokens)s,
                           %(leases)s, %(tasks)s, %(traceparents)s)
        AS u (run, position, token, result, last, pool, next_token, lease, task, traceparent)
), run AS MATERIALIZED (
    SELECT r.*, given.*
    FROM given CROSS JOIN LATERAL (
        SELECT id, pivot, paused_at,
               (cancel_requested_at IS NOT NULL OR deadline_at <= statement_timestamp()) IS TRUE AS must_stop
        FROM saga_run WHERE id = given.run AND status = 'running' AND position = given.position FOR UPDATE SKIP LOCKED
    ) r
), step AS (
    UPDATE saga_step s
    SET status = 'done', result = run.result::jsonb, token = NULL, lease_until = NULL,
        error_class = '', error_code = '', error_text = ''
    FROM run WHERE s.run_id = run.id AND s.position = run.position AND s.token = run.token
    RETURNING s.run_id, run.token
), attempt AS (
    UPDATE saga_attempt a SET outcome = 'done', ended_at = clock_timestamp()
    FROM step WHERE a.run_id = step.run_id AND a.token = step.token
), {told_by(_EVENTS)}, next AS (
    UPDATE saga_step s
    SET status = 'running', attempts = s.attempts + 1, token = run.next_token,
        lease_until = clock_timestamp() + make_interval(secs => run.lease)
    FROM run JOIN step ON step.token = run.token
    WHERE s.run_id = run.id AND s.position = run.position + 1 AND s.status = 'pending'
      AND run.next_token IS NOT NULL AND run.paused_at IS NULL AND (NOT run.must_stop OR s.position > run.pivot)
    RETURNING s.run_id, s.name, s.attempts AS number, s.forgiven, s.granted, s.lease_until, run.token
), started AS (
    INSERT INTO saga_attempt (run_id, step, direction, number, token, started_at, worker, task_id, traceparent,
                              outcome, error_class, error_text)
    SELECT next.run_id, next.name, 'forward', next.number, run.next_token, clock_timestamp(), %(worker)s, run.task,
           run.traceparent, '', '', '' FROM next JOIN run ON run.token = next.token
)
UPDATE saga_run r
SET position = r.position + 1, status = CASE WHEN run.last THEN 'completed' ELSE r.status END,
    row_version = r.row_version + 1, updated_at = clock_timestamp(), waits_for = '', asks_since = NULL,
    rings = CASE WHEN next.run_id IS NULL THEN r.rings ELSE 0 END,
    reason = CASE WHEN r.cancel_requested_at IS NULL OR run.last THEN '' ELSE r.reason END,
    code = CASE WHEN r.cancel_requested_at IS NULL OR run.last THEN '' ELSE r.code END,
    ready_at = CASE WHEN run.pool THEN clock_timestamp() END,
    wake_at = CASE WHEN run.last OR run.pool THEN NULL
                   WHEN next.run_id IS NULL THEN clock_timestamp() + make_interval(secs => %(patience)s)
                   ELSE {WAKE.format(lease="next.lease_until")} END,
    finished_at = CASE WHEN run.last THEN clock_timestamp() END
FROM run JOIN step ON step.token = run.token LEFT JOIN next ON next.token = run.token WHERE r.id = run.id
RETURNING run.token, next.number, next.forgiven, next.granted
""",
)
