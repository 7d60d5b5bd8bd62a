"""The statements of the breaker, the limits and the release of waiting runs. Every clock is PostgreSQL's.

Lock order: each statement locks one participant's row and one slot at most, in its own transaction, slot first. The
release locks runs while it holds a participant's row; it skips runs that somebody else has locked, and so never waits.
"""

from __future__ import annotations

_STATE = """
name, state, failures, reason, opened_at,
extract(epoch FROM CASE state WHEN 'open' THEN open_until WHEN 'half_open' THEN trial_until END
                   - clock_timestamp())::float8
"""

READ_ALL = f"SELECT {_STATE} FROM saga_participant"

MAKE = """
INSERT INTO saga_participant (name) SELECT unnest(%(names)s::text[]) ON CONFLICT DO NOTHING
"""

# One worker gets the trial: whoever waits here for its row lock finds the state changed.
TAKE_TRIAL = f"""
UPDATE saga_participant
SET state = 'half_open', trial = %(token)s, trial_until = clock_timestamp() + make_interval(secs => %(lease)s),
    updated_at = clock_timestamp()
WHERE name = %(name)s AND (state = 'open' AND open_until <= clock_timestamp()
                           OR state = 'half_open' AND trial_until < clock_timestamp())
RETURNING {_STATE}
"""

FREE_SLOT = "UPDATE saga_slot SET token = NULL, until = NULL WHERE participant = %(name)s AND token = %(token)s"
_FREED = f"WITH freed AS ({FREE_SLOT})"

# The participant answered: a trial closes the breaker, any other call only ends the row of failures.
ANSWERED = f"""
{_FREED}
UPDATE saga_participant
SET state = 'closed', failures = 0, openings = 0, opened_at = NULL, open_until = NULL, trial = NULL,
    trial_until = NULL, updated_at = clock_timestamp()
WHERE name = %(name)s AND (state = 'half_open' AND trial = %(token)s OR state = 'closed' AND failures > 0)
RETURNING {_STATE}
"""

# Only a failed trial, or the last of a row of failures while the breaker is closed, opens it. `holds` is the policy's
# list of seconds by openings in a row.
AWAY = f"""
{_FREED}, old AS (
    SELECT name, state = 'closed' AND failures + 1 >= %(trip_after)s
                 OR state = 'half_open' AND trial IS NOT DISTINCT FROM %(token)s AS opens,
           (%(holds)s::float8[])[least(openings + 1, cardinality(%(holds)s::float8[]))] AS hold
    FROM saga_participant WHERE name = %(name)s FOR UPDATE
)
UPDATE saga_participant p
SET failures = p.failures + 1,
    state = CASE WHEN old.opens THEN 'open' ELSE p.state END,
    openings = p.openings + old.opens::int,
    opened_at = CASE WHEN old.opens THEN coalesce(p.opened_at, clock_timestamp()) ELSE p.opened_at END,
    open_until = CASE WHEN old.opens THEN clock_timestamp() + make_interval(secs => old.hold) ELSE p.open_until END,
    trial = CASE WHEN old.opens THEN NULL ELSE p.trial END,
    trial_until = CASE WHEN old.opens THEN NULL ELSE p.trial_until END,
    reason = CASE WHEN p.state = 'open' AND p.open_until IS NULL THEN p.reason ELSE %(reason)s END,
    updated_at = clock_timestamp()
FROM old WHERE p.name = old.name
RETURNING {_STATE.replace("name,", "p.name,")}
"""

# Nobody was asked: the next call may be the trial at once.
GIVE_BACK = f"""
{_FREED}
UPDATE saga_participant
SET state = 'open', open_until = clock_timestamp(), trial = NULL, trial_until = NULL, updated_at = clock_timestamp()
WHERE name = %(name)s AND state = 'half_open' AND trial = %(token)s
RETURNING {_STATE}
"""

CLOSE = f"""
UPDATE saga_participant
SET state = 'closed', failures = 0, openings = 0, opened_at = NULL, open_until = NULL, trial = NULL,
    trial_until = NULL, reason = %(reason)s, updated_at = clock_timestamp()
WHERE name = %(name)s
RETURNING {_STATE}
"""

OPEN = f"""
UPDATE saga_participant
SET state = 'open', opened_at = coalesce(opened_at, clock_timestamp()), open_until = NULL, trial = NULL,
    trial_until = NULL, reason = %(reason)s, updated_at = clock_timestamp()
WHERE name = %(name)s
RETURNING {_STATE}
"""

# A slot whose holder died is free again when its time is over: nobody has to tidy up.
TAKE_SLOT = """
UPDATE saga_slot SET token = %(token)s, until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = (SELECT id FROM saga_slot
            WHERE participant = %(name)s AND number <= %(at_once)s AND (token IS NULL OR until < clock_timestamp())
            ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
"""

# Of a call that takes long and says that it still works.
KEEP_SLOT = """
UPDATE saga_slot SET until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE participant = %(name)s AND token = %(token)s
"""

MAKE_SLOTS = """
INSERT INTO saga_slot (participant, number)
SELECT %(name)s, number FROM generate_series(1, %(at_once)s) AS number
WHERE NOT EXISTS (SELECT FROM saga_slot s WHERE s.participant = %(name)s AND s.number = number.number)
ON CONFLICT DO NOTHING
"""

# The generic cell rate algorithm (ITU-T I.371): a call that comes up to `late` seconds after its turn keeps it.
TAKE_TURN = """
INSERT INTO saga_participant AS p (name, next_call_at)
VALUES (%(name)s, clock_timestamp() + make_interval(secs => %(interval)s))
ON CONFLICT (name) DO UPDATE
SET next_call_at = greatest(p.next_call_at, clock_timestamp()) + make_interval(secs => %(interval)s)
WHERE p.next_call_at IS NULL OR p.next_call_at <= clock_timestamp() + make_interval(secs => %(late)s)
"""

# Those who are turned away are told to return one after the other, up to `longest` seconds from now.
QUEUE_FOR_TURN = """
UPDATE saga_participant
SET last_turn_at = least(greatest(last_turn_at + make_interval(secs => %(interval)s), next_call_at, clock_timestamp()),
                         clock_timestamp() + make_interval(secs => %(longest)s))
WHERE name = %(name)s
RETURNING extract(epoch FROM last_turn_at - clock_timestamp())::float8
"""

# A loose index scan: its cost grows with the participants that are waited for, not with the runs that wait.
WAITED_FOR = """
WITH RECURSIVE waited AS (
    (SELECT waits_for AS name FROM saga_run WHERE waits_for <> '' ORDER BY waits_for LIMIT 1)
    UNION ALL
    SELECT next.name FROM waited CROSS JOIN LATERAL (
        SELECT r.waits_for AS name FROM saga_run r WHERE r.waits_for > waited.name AND r.waits_for <> ''
        ORDER BY r.waits_for LIMIT 1
    ) next
)
SELECT name FROM waited
"""

# SKIP LOCKED: of several sweeps at once, one releases; the others find the row locked and leave it to that one.
LOCK_FOR_RELEASE = """
SELECT state, openings,
       coalesce(CASE state WHEN 'open' THEN open_until WHEN 'half_open' THEN trial_until END <= clock_timestamp(),
                FALSE) AS trial_due,
       extract(epoch FROM clock_timestamp() - released_at)::float8
FROM saga_participant WHERE name = %(name)s FOR UPDATE SKIP LOCKED
"""

RELEASE = """
UPDATE saga_run r
SET waits_for = '', wake_at = clock_timestamp(), rings = 1, rung_at = NULL, row_version = r.row_version + 1,
    updated_at = clock_timestamp()
FROM (SELECT id FROM saga_run WHERE waits_for = %(name)s AND waits_for <> '' AND paused_at IS NULL
      ORDER BY id {order} LIMIT %(number)s FOR UPDATE SKIP LOCKED) due
WHERE r.id = due.id
RETURNING r.id
"""
RELEASE_OLDEST = RELEASE.format(order="ASC")
RELEASE_NEWEST = RELEASE.format(order="DESC")

RELEASED = """
UPDATE saga_participant SET released_at = clock_timestamp() - make_interval(secs => %(left)s) WHERE name = %(name)s
"""

# The run that a denied link stands at: still there, not paused, in nobody's hands, and not to be turned around instead.
# The step is locked after its run and so is read as the last claim left it; see the lock order in `sql/`.
_FREE_RUN = """
WITH run AS (
    SELECT id, position, pivot, deadline_at, cancel_requested_at IS NOT NULL AS cancelled
    FROM saga_run
    WHERE id = %(run)s AND position = %(position)s AND paused_at IS NULL
      AND status = CASE WHEN %(undo)s THEN 'undoing' ELSE 'running' END
    FOR UPDATE
), step AS (
    SELECT s.id, s.run_id,
           %(undo)s OR run.position > run.pivot OR run.position = run.pivot AND s.attempts > s.forgiven AS only_on,
           run.deadline_at, run.cancelled
    FROM saga_step s JOIN run ON s.run_id = run.id AND s.position = run.position
    WHERE s.token IS NULL OR s.lease_until < clock_timestamp()
    FOR UPDATE OF s
), free AS (
    SELECT id, run_id, CASE WHEN only_on IS NOT TRUE THEN deadline_at END AS deadline_at
    FROM step WHERE only_on OR (cancelled OR deadline_at <= clock_timestamp()) IS NOT TRUE
)
"""

HOLD_RUN = f"""
{_FREE_RUN}
UPDATE saga_run r
SET waits_for = %(name)s, wake_at = free.deadline_at, ready_at = NULL, rings = 0, row_version = r.row_version + 1,
    updated_at = clock_timestamp()
FROM free WHERE r.id = free.run_id
"""

PUT_OFF = f"""
{_FREE_RUN}, waiting AS (
    UPDATE saga_step s SET next_attempt_at = clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM free WHERE s.id = free.id
)
UPDATE saga_run r
SET wake_at = least(clock_timestamp() + make_interval(secs => %(seconds)s + %(slack)s), free.deadline_at),
    ready_at = NULL,
    row_version = r.row_version + 1
FROM free WHERE r.id = free.run_id
"""

WAITING = """
SELECT r.waits_for, p.opened_at, count(*)
FROM saga_run r LEFT JOIN saga_participant p ON p.name = r.waits_for
WHERE r.waits_for <> '' GROUP BY r.waits_for, p.opened_at ORDER BY p.opened_at, r.waits_for
"""
