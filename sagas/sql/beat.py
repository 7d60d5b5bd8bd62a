"""A step that takes long says that it still works: its lease runs from now on, and its run is not overdue before."""

from __future__ import annotations

from .claim import WAKE
from .run import Statement

BEAT = Statement(
    "saga_beat",
    f"""
WITH run AS (
    SELECT id FROM saga_run WHERE id = %(run)s AND status = 'running' AND position = %(position)s FOR UPDATE
), step AS (
    UPDATE saga_step s SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    FROM run WHERE s.run_id = run.id AND s.position = %(position)s AND s.token = %(token)s
    RETURNING s.run_id, s.lease_until
), attempt AS (
    UPDATE saga_attempt a
    SET beat_at = clock_timestamp(), progress = coalesce(%(progress)s, a.progress), note = coalesce(%(note)s, a.note)
    FROM step WHERE a.run_id = step.run_id AND a.token = %(token)s
)
UPDATE saga_run r SET wake_at = {WAKE.format(lease="step.lease_until")}
FROM step WHERE r.id = step.run_id
RETURNING r.id
""",
)
"""No row: the token is stale."""
