"""Statements that let runs of shares in, one process at a time. Order of locks: the turn, then runs, then tickets."""

from __future__ import annotations

from .run import Statement

TURN = "SELECT pg_try_advisory_xact_lock(hashtextextended('sagas.let_in', 0))"
"""Whose turn it is, until the transaction ends: whoever counts runs is the only one who lets some in."""

_BEGUN = """(r.position <> 0 OR r.status <> 'running' OR EXISTS (
    SELECT FROM saga_step s WHERE s.run_id = r.id AND s.position = 0 AND s.status <> 'pending'))"""

# A run counts for as long as it lives, whoever carries it, and whether that worker lives.
FORGET = Statement(
    "saga_ticket_forget",
    f"""
DELETE FROM saga_ticket t USING saga_run r
WHERE t.let_in_at IS NOT NULL AND r.id = t.run_id
  AND (r.finished_at IS NOT NULL OR NOT t.is_limited AND {_BEGUN})
""",
)
# Those that no worker takes, for whatever reason, do not hold up others for longer than that.
LET_IN_NOW = Statement(
    "saga_ticket_let_in_now",
    f"""
SELECT t.share::text, t.line::text, count(*) FILTER (WHERE t.is_limited),
       count(*) FILTER (WHERE t.let_in_at > clock_timestamp() - make_interval(secs => %(patience)s)
                        AND r.paused_at IS NULL AND r.waits_for = '' AND NOT {_BEGUN})
FROM saga_ticket t JOIN saga_run r ON r.id = t.run_id
WHERE t.let_in_at IS NOT NULL GROUP BY 1, 2
""",
)
LINES = Statement(
    "saga_ticket_lines",
    """
WITH RECURSIVE line AS (  -- the first of each line: one look into the index for each
    (SELECT share, line, line_at_once, priority, run_id FROM saga_ticket WHERE let_in_at IS NULL
     ORDER BY share, line, priority DESC, run_id LIMIT 1)
    UNION ALL
    SELECT next.* FROM line CROSS JOIN LATERAL (
        SELECT t.share, t.line, t.line_at_once, t.priority, t.run_id FROM saga_ticket t
        WHERE t.let_in_at IS NULL AND (t.share, t.line) > (line.share, line.line)
        ORDER BY t.share, t.line, t.priority DESC, t.run_id LIMIT 1) AS next
)
SELECT line.share::text, line.line::text, line.line_at_once, line.priority, line.run_id FROM line
""",
)
TIMES = Statement("saga_share_times", "SELECT name::text, passed FROM saga_share_time")
FIRST_OF = Statement(
    "saga_ticket_first_of",
    """
SELECT t.share::text, t.line::text, t.priority, t.run_id
FROM unnest(%(shares)s, %(lines)s) AS given (share, line) CROSS JOIN LATERAL (
    SELECT share, line, priority, run_id FROM saga_ticket
    WHERE let_in_at IS NULL AND share = given.share AND line = given.line
    ORDER BY priority DESC, run_id LIMIT %(most)s
) AS t
""",
)
# One that an operator holds keeps its place. One that no longer waits, since it was cancelled, gives it up.
LET_IN = Statement(
    "saga_let_in",
    """
WITH chosen AS MATERIALIZED (
    SELECT u.* FROM unnest(%(runs)s, %(limited)s) AS u (run, limited)
), held AS MATERIALIZED (
    SELECT r.id, chosen.limited, r.queued_at IS NOT NULL AND r.status = 'running' AS waits,
           r.name || ' ' || r.version = ANY(%(apart)s) AS apart
    FROM chosen JOIN saga_run r ON r.id = chosen.run FOR UPDATE OF r SKIP LOCKED
), run AS (
    UPDATE saga_run r
    SET queued_at = NULL, rings = 0, row_version = r.row_version + 1,
        ready_at = CASE WHEN NOT held.apart THEN clock_timestamp() END,
        wake_at = CASE WHEN held.apart THEN clock_timestamp() + make_interval(secs => %(patience)s) END
    FROM held WHERE r.id = held.id AND held.waits
    RETURNING r.id, r.name, r.version, r.position, r.request_id, r.traceparent, held.apart
), let_in AS (
    UPDATE saga_ticket t SET let_in_at = clock_timestamp(), is_limited = held.limited
    FROM held WHERE t.run_id = held.id AND held.waits
), given_up AS (
    DELETE FROM saga_ticket t USING held WHERE t.run_id = held.id AND NOT held.waits
)
SELECT id, name::text, version, position, request_id::text, traceparent::text, apart FROM run
""",
)
MOVE_ON = """
INSERT INTO saga_share_time (name, passed)
SELECT u.* FROM unnest(%(names)s::text[], %(passed)s::double precision[]) AS u (name, passed)
ON CONFLICT (name) DO UPDATE SET passed = excluded.passed
"""
CAUGHT_UP = "DELETE FROM saga_share_time WHERE passed <= %(all)s AND name <> '*'"
"""A share that the others have caught up with is as one that was never there."""
QUEUED = Statement("saga_queued", "SELECT 1 FROM saga_ticket WHERE let_in_at IS NULL LIMIT 1")
"""Whether any run waits for the turn of its share."""
STANDING = """
WITH waiting AS (
    SELECT share, line, max(line_at_once) AS line_at_once, count(*) AS waiting, min(run_id::text) AS first
    FROM (SELECT * FROM saga_ticket WHERE let_in_at IS NULL ORDER BY share, line LIMIT %(counted)s) AS counted
    GROUP BY share, line
), living AS (
    SELECT t.share, t.line, count(*) AS living FROM saga_ticket t JOIN saga_run r ON r.id = t.run_id
    WHERE t.let_in_at IS NOT NULL AND t.is_limited AND r.finished_at IS NULL GROUP BY 1, 2
)
SELECT waiting.share::text, waiting.line::text, waiting.line_at_once, waiting.waiting,
       coalesce((SELECT sum(living) FROM living WHERE living.share = waiting.share), 0)::bigint,
       coalesce((SELECT sum(living) FROM living WHERE living.line = waiting.line AND waiting.line <> ''), 0)::bigint,
       coalesce(r.queued_at, r.created_at)
FROM waiting JOIN saga_run r ON r.id = waiting.first::uuid
ORDER BY waiting.waiting DESC, waiting.share, waiting.line LIMIT %(most)s
"""
