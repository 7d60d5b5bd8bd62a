"""The statements of the tally: what has ended since the last time, and what is added to the counts of it.

Only whoever holds the lock on the mark runs them; it holds no run, step or attempt. No new index is needed: runs are
read by when they ended (saga_run_finished), attempts by their id.
"""

from __future__ import annotations

from .run import execute, fetch

__all__ = ["BOUNDS", "execute", "fetch"]

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Seconds: the upper bounds of the histograms, each inclusive. Never change one: rows were counted by them."""

_BOUNDS = f"ARRAY[{', '.join(map(str, BOUNDS))}]::float8[]"
# What took exactly as long as a bound is within it. Times have microseconds.
_BUCKET = f"width_bucket(took - 0.0000005, {_BOUNDS})"
_MINUTE = "date_bin('1 minute', {time}, 'epoch')"

BEGIN = f"""
INSERT INTO saga_tally_mark (id, attempt, runs_from, at)
SELECT 1, coalesce((SELECT max(id) FROM saga_attempt), 0), {_MINUTE.format(time="clock_timestamp()")}, clock_timestamp()
ON CONFLICT (id) DO NOTHING
"""
# One at a time: whoever finds the row locked leaves it to the other.
LOCK = "SELECT attempt, runs_from, clock_timestamp() FROM saga_tally_mark WHERE id = 1 FOR UPDATE SKIP LOCKED"

# After which id, and up to which. A sequence that was set forward leaves ids out; those that claims may still commit
# are near the first that is there.
RANGE = """
SELECT greatest(%(after)s, (SELECT min(id) FROM saga_attempt WHERE id > %(after)s) - 1000),
       greatest(%(after)s, (SELECT max(id) FROM saga_attempt))
"""
WAITING = "SELECT attempt FROM saga_tally_wait"

_COLUMNS = """id, run_id, step, direction, outcome, number, ended_at,
           greatest(extract(epoch FROM ended_at - started_at), 0)::float8 AS took"""
# A branch's attempt is one of the step of its parent's saga, by whose name and its own its saga is named.
_SAGA = "CASE WHEN r.is_branch THEN left(r.name, -1 - length(l.step)) ELSE r.name END"
# One snapshot tells what is over and what is not, so that no attempt is both or neither. The row without a minute has
# the ids of those that are not over, and of those that are not there: a claim not committed yet, or rolled back.
ATTEMPTS = f"""
WITH wanted AS MATERIALIZED (
    SELECT generate_series(%(after)s::bigint + 1, %(upto)s::bigint) AS id
    UNION ALL SELECT unnest(%(waiting)s::bigint[])
), looked AS MATERIALIZED (
    SELECT {_COLUMNS} FROM saga_attempt WHERE id > %(after)s AND id <= %(upto)s
    UNION ALL
    SELECT {_COLUMNS} FROM saga_attempt WHERE id = ANY(%(waiting)s::bigint[])
)
SELECT {_MINUTE.format(time="l.ended_at")}, CASE l.direction WHEN 'undo' THEN 'undo' ELSE 'step' END, {_SAGA}, l.step,
       l.outcome, {_BUCKET}, count(*), count(*) FILTER (WHERE l.number > 1), sum(l.took), max(l.ended_at),
       NULL::bigint[]
FROM looked l JOIN saga_run r ON r.id = l.run_id WHERE l.ended_at IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT NULL, '', '', '', '', 0, 0, 0, 0, NULL, array_agg(wanted.id)
FROM wanted LEFT JOIN looked ON looked.id = wanted.id WHERE looked.ended_at IS NULL
"""

# Not a branch's run, which is a part of its parent's, nor the second end of one that its parent took back.
RUNS = f"""
SELECT {_MINUTE.format(time="finished_at")}, 'run', name, '', status, {_BUCKET}, count(*), 0, sum(took),
       max(finished_at)
FROM (
    SELECT name, status, finished_at, greatest(extract(epoch FROM finished_at - created_at), 0)::float8 AS took
    FROM saga_run r
    WHERE finished_at >= %(since)s AND NOT is_branch
      AND NOT EXISTS (SELECT FROM saga_child c WHERE c.run_id = r.id AND c.taken_back_at IS NOT NULL)
) AS ended
GROUP BY 1, 3, 5, 6
"""
COUNTED_RUNS = """
SELECT at, saga, outcome, seconds, buckets FROM saga_tally WHERE span = 60 AND at >= %(since)s AND kind = 'run'
"""

ADD = """
INSERT INTO saga_tally AS t (span, at, kind, saga, name, outcome, count, retries, seconds, buckets, last_at)
SELECT g.span, g.at, g.kind, g.saga, g.name, g.outcome, g.count, g.retries, g.seconds, g.buckets::bigint[], g.last_at
FROM unnest(%(spans)s::int[], %(ats)s::timestamptz[], %(kinds)s::text[], %(sagas)s::text[], %(names)s::text[],
            %(outcomes)s::text[], %(counts)s::bigint[], %(retries)s::bigint[], %(seconds)s::float8[],
            %(buckets)s::text[], %(lasts)s::timestamptz[])
    AS g (span, at, kind, saga, name, outcome, count, retries, seconds, buckets, last_at)
ON CONFLICT (span, at, kind, saga, name, outcome) DO UPDATE
SET count = t.count + excluded.count, retries = t.retries + excluded.retries, seconds = t.seconds + excluded.seconds,
    buckets = ARRAY(SELECT a + b FROM unnest(t.buckets, excluded.buckets) WITH ORDINALITY AS u (a, b, n) ORDER BY n),
    last_at = greatest(t.last_at, excluded.last_at)
"""

# A claim that has not committed by then never will, or is not counted.
WAIT = """
INSERT INTO saga_tally_wait (attempt, since)
SELECT attempt, clock_timestamp() FROM unnest(%(still)s::bigint[]) AS attempt ON CONFLICT (attempt) DO NOTHING
"""
WAIT_NO_MORE = """
DELETE FROM saga_tally_wait w
WHERE w.attempt <> ALL(%(still)s::bigint[])
   OR w.since < clock_timestamp() - %(late)s AND NOT EXISTS (SELECT FROM saga_attempt a WHERE a.id = w.attempt)
"""
MOVE = f"""
UPDATE saga_tally_mark
SET attempt = %(attempt)s, at = clock_timestamp(),
    runs_from = greatest(runs_from, {_MINUTE.format(time="clock_timestamp() - %(late)s")})
WHERE id = 1
"""
EXPIRE = """
DELETE FROM saga_tally WHERE span = %(span)s AND at < clock_timestamp() - %(kept)s
"""

# How many attempts of each step, and of each undo, have ended lately and in the week before that, and how many failed.
_ENDED = "sum(count) AS ended, coalesce(sum(count) FILTER (WHERE outcome = ANY(%(failures)s)), 0) AS failed"
FAILED = f"""
WITH lately AS (
    SELECT saga, name, kind, {_ENDED}
    FROM saga_tally
    WHERE span = 60 AND at >= clock_timestamp() - %(lately)s AND kind IN ('step', 'undo') GROUP BY 1, 2, 3
), earlier AS (
    SELECT saga, name, kind, {_ENDED}
    FROM saga_tally
    WHERE span = 3600 AND at >= clock_timestamp() - %(lately)s - interval '7 days' - interval '1 hour'
      AND at < clock_timestamp() - %(lately)s - interval '1 hour' AND kind IN ('step', 'undo') GROUP BY 1, 2, 3
)
SELECT saga, name, kind, lately.failed::bigint, lately.ended::bigint,
       coalesce(earlier.failed, 0)::bigint, coalesce(earlier.ended, 0)::bigint
FROM lately LEFT JOIN earlier USING (saga, name, kind) WHERE lately.ended >= %(least)s ORDER BY 1, 2, 3
"""

EVER = """
SELECT kind, saga, name, outcome, count, retries, seconds, buckets, last_at FROM saga_tally
WHERE span = 0 AND kind <> 'lag' ORDER BY kind, saga, name, outcome
"""
AGE = """
SELECT extract(epoch FROM clock_timestamp() - at)::float8,
       extract(epoch FROM clock_timestamp() - %(canary)s::timestamptz)::float8 FROM saga_tally_mark
"""
BEGUN = "SELECT date_bin(make_interval(secs => %(every)s), clock_timestamp(), 'epoch')"
_SUMS = ", ".join(f"sum(buckets[{n + 1}])::bigint" for n in range(len(BOUNDS) + 1))
# Summed by as many seconds as a point of a chart covers, from the rows of one span.
HISTORY = f"""
SELECT date_bin(make_interval(secs => %(every)s), at, 'epoch'), kind, saga, name, outcome, sum(count)::bigint,
       sum(retries)::bigint, sum(seconds), ARRAY[{_SUMS}]
FROM saga_tally WHERE span = %(span)s AND at >= %(since)s
GROUP BY 1, 2, 3, 4, 5
"""
