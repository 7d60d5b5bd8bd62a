"""Statements on the runs of the canary. All read the index saga_run_one_per_key; there are some sixty rows."""

NAME = "canary"
"""The saga of that name is the engine's own: figures and lists leave its runs out."""

TURN = 7_226_379_131
"""PostgreSQL's advisory lock of who starts a canary, until the end of the transaction."""
MAY_START = """
SELECT pg_try_advisory_xact_lock(%(turn)s)
   AND NOT EXISTS (SELECT FROM saga_run WHERE name = %(name)s AND status IN ('running', 'undoing', 'stuck'))
"""
NOW = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
# Since the start of the last one that completed; while none has, since the start of the first.
AGE = """
SELECT clock_timestamp() - coalesce(max(created_at) FILTER (WHERE status = 'completed'), min(created_at))
FROM saga_run WHERE name = %(name)s
"""
# The last one that completed stays, however old it is: its age is the figure.
OLD = """
SELECT id FROM saga_run
WHERE name = %(name)s AND finished_at < clock_timestamp() - %(keep)s
  AND status IN ('completed', 'compensated', 'resolved')
  AND id <> coalesce((SELECT id FROM saga_run WHERE name = %(name)s AND status = 'completed'
                      ORDER BY created_at DESC LIMIT 1), '00000000-0000-0000-0000-000000000000')
ORDER BY id FOR UPDATE SKIP LOCKED
"""
