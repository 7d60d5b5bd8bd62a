"""Hand out runs that any worker may take: the ones that wait longest, each to one worker.

Of each run the step is claimed, unless it is none that may be carried together with others (`rides` names those), or
something stands in its way: a cancel, a passed deadline, a person. Then the run has left the queue all the same, and
its own message is to bring it: its row says no attempt. Should that message never be sent, the sweep sends it.
"""

from __future__ import annotations

from .run import Statement

_TAKE = """
WITH rides AS MATERIALIZED (
    SELECT u.* FROM unnest(%(names)s, %(versions)s, %(positions)s, %(leases)s)
        AS u (name, version, position, lease)
), due AS MATERIALIZED (
    SELECT r.id, r.name, r.version, r.key, r.input, r.position, r.pivot, r.request_id, r.traceparent, r.ready_at,
           r.share IS NOT NULL AS shares,
           r.status = 'running' AND r.asks_since IS NULL AND r.waits_for = '' AS plain,
           (r.cancel_requested_at IS NOT NULL OR r.deadline_at <= statement_timestamp()) IS TRUE AS must_stop
    FROM saga_run r
    WHERE {which}
      AND r.paused_at IS NULL AND r.name || ' ' || r.version = ANY(%(declared)s)
    ORDER BY r.ready_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), step AS (
    UPDATE saga_step s
    SET status = 'running', attempts = s.attempts + 1, token = gen_random_uuid(),
        lease_until = clock_timestamp() + make_interval(secs => rides.lease)
    FROM due JOIN rides ON rides.name = due.name AND rides.version = due.version AND rides.position = due.position
    WHERE s.run_id = due.id AND s.position = due.position AND s.status = 'pending'
      AND due.plain AND (NOT due.must_stop OR due.position > due.pivot)
    RETURNING s.run_id, s.name, s.attempts AS number, s.forgiven, s.granted, s.token, s.lease_until,
              gen_random_uuid()::text AS task
), attempt AS (
    INSERT INTO saga_attempt (run_id, step, direction, number, token, started_at, worker, task_id, traceparent,
                              outcome, error_class, error_text)
    SELECT step.run_id, step.name, 'forward', step.number, step.token, clock_timestamp(), %(worker)s, step.task,
           due.traceparent, '', '', '' FROM step JOIN due ON due.id = step.run_id
), taken AS (
    UPDATE saga_run r
    SET ready_at = NULL, rings = 0, row_version = r.row_version + 1,
        wake_at = CASE WHEN due.plain IS NOT TRUE THEN r.wake_at
                       WHEN step.run_id IS NULL THEN clock_timestamp() + make_interval(secs => %(patience)s)
                       ELSE step.lease_until + interval '1 s' END
    FROM due LEFT JOIN step ON step.run_id = due.id WHERE r.id = due.id
)
SELECT due.id, due.name::text, due.version, due.position, due.request_id::text, due.traceparent::text, step.token,
       step.task, due.key::text, due.input::text, step.number, step.forgiven, step.granted, due.plain, due.shares
FROM due LEFT JOIN step ON step.run_id = due.id ORDER BY due.ready_at
"""
TAKE = Statement(
    "saga_take",
    _TAKE.format(
        which="r.ready_at <= statement_timestamp() AND r.ready_at >= coalesce(%(since)s, '-infinity'::timestamptz)"
    ),
)
"""A row without a token is a run that was not claimed. `plain` is false for one that something else will bring."""
TAKE_THESE = Statement("saga_take_these", _TAKE.format(which="r.id = ANY(%(ids)s) AND r.ready_at IS NOT NULL"))
"""The same for runs that were let in just now."""

# What a chain's message would bring, and whether any worker may take it instead. A run that is gone, that has gone on,
# or that a worker has in hand needs no message.
AWAITED = Statement(
    "saga_awaited",
    """
SELECT r.id, r.ready_at IS NOT NULL
FROM saga_run r JOIN saga_step s ON s.run_id = r.id AND s.position = r.position
WHERE r.id = ANY(%(ids)s) AND r.position = 0
  AND NOT (s.status = 'running' AND s.lease_until > clock_timestamp())
""",
)

# Steps that were taken, and whose participants nobody has asked: as though they had never been claimed. Each run goes
# on by a message of its own; should that never be sent, the sweep sends it.
UNTAKE = Statement(
    "saga_untake",
    """
WITH given AS MATERIALIZED (
    SELECT u.* FROM unnest(%(runs)s, %(positions)s, %(tokens)s) AS u (run, position, token)
), run AS MATERIALIZED (
    SELECT r.id, given.position, given.token
    FROM given CROSS JOIN LATERAL (
        SELECT id FROM saga_run WHERE id = given.run AND status = 'running' AND position = given.position
        FOR UPDATE SKIP LOCKED
    ) r
), step AS (
    UPDATE saga_step s SET status = 'pending', attempts = s.attempts - 1, token = NULL, lease_until = NULL
    FROM run WHERE s.run_id = run.id AND s.position = run.position AND s.token = run.token
    RETURNING s.run_id
), attempt AS (
    DELETE FROM saga_attempt a USING run JOIN step ON step.run_id = run.id
    WHERE a.run_id = run.id AND a.token = run.token
)
UPDATE saga_run r
SET wake_at = clock_timestamp() + make_interval(secs => %(patience)s), row_version = r.row_version + 1
FROM step WHERE r.id = step.run_id
RETURNING r.id
""",
)

# Of those steps the ones whose runs somebody else holds at that moment: nobody waits for them, so that all that is done
# is what may happen at any time. The lease ends, and the attempt, which asked nobody, is granted anew.
LET_GO = Statement(
    "saga_let_go",
    """
WITH given AS MATERIALIZED (
    SELECT u.* FROM unnest(%(runs)s, %(positions)s, %(tokens)s) AS u (run, position, token)
), held AS MATERIALIZED (
    SELECT s.id FROM given CROSS JOIN LATERAL (
        SELECT id FROM saga_step
        WHERE run_id = given.run AND position = given.position AND token = given.token AND status = 'running'
          AND lease_until > clock_timestamp()
        FOR UPDATE SKIP LOCKED
    ) s
)
UPDATE saga_step s SET lease_until = clock_timestamp(), granted = s.granted + 1 FROM held WHERE s.id = held.id
""",
)
