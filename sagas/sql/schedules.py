"""Statements on schedules. Lock order: the schedule, then what its runs lock as they start."""

from __future__ import annotations

# One row a schedule, each second. `busy`: something waits, or a run of it has not been seen to end; a read of the
# partial index saga_schedule_tick_live.
LOOK = """
SELECT s.name, s.cron, s.timezone, coalesce(s.next_at <= %(now)s, true) AS due,
       EXISTS (SELECT FROM saga_schedule_tick t WHERE t.schedule_id = s.name
               AND (t.outcome = 'waiting' OR t.outcome = 'started' AND t.over_at IS NULL)) AS busy,
       s.trouble <> '' AS troubled
FROM saga_schedule s WHERE s.name = ANY(%(names)s)
"""
# A schedule that is first seen begins now.
SEEN = """
INSERT INTO saga_schedule (name, cron, timezone, settled_until, paused_by, paused_reason, trouble, created_at)
VALUES (%(name)s, %(cron)s, %(timezone)s, %(now)s, '', '', '', %(now)s)
ON CONFLICT (name) DO NOTHING
"""
# What of its runs has ended, or is no longer there. A stuck run has not ended.
NOTE_ENDED = """
UPDATE saga_schedule_tick t SET over_at = coalesce(found.finished_at, clock_timestamp()), ended = found.status
FROM (
    SELECT l.id, coalesce(r.status, '') AS status, r.finished_at
    FROM saga_schedule_tick l LEFT JOIN saga_run r ON r.id = l.run
    WHERE l.schedule_id = %(name)s AND l.outcome = 'started' AND l.over_at IS NULL
) found
WHERE t.id = found.id AND found.status IN ('', 'completed', 'compensated', 'resolved')
"""
# For how long the tick that is due longest has been due, or a schedule could not be settled.
LATE = """
SELECT clock_timestamp() - min(least(next_at, trouble_since)) FROM saga_schedule
WHERE name = ANY(%(names)s) AND least(next_at, trouble_since) <= clock_timestamp()
"""
PRUNE = """
DELETE FROM saga_schedule_tick WHERE id IN (
    SELECT id FROM saga_schedule_tick
    WHERE recorded_at < statement_timestamp() - %(keep)s AND outcome <> 'waiting'
      AND (outcome <> 'started' OR over_at IS NOT NULL)
    ORDER BY recorded_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
)
"""
