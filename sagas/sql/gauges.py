"""The statements of the metrics that tell how it stands now: each reads an index of what is open, up to a bound."""

from __future__ import annotations

from .participants import WAITED_FOR
from .run import fetch

__all__ = ["fetch"]

# A run that is still tried and needs an operator counts as stuck, as on every page. The order has PostgreSQL read the
# index; without it a large part of the table may be scanned for the first that are open.
OPEN_RUNS = """
SELECT name, CASE WHEN asks THEN 'stuck' ELSE status END, count(*)
FROM (VALUES ('running'), ('undoing'), ('stuck')) AS s (status) CROSS JOIN LATERAL (
    SELECT r.name, r.asks_since IS NOT NULL AS asks FROM saga_run r
    WHERE r.status = s.status AND (NOT r.is_branch OR r.status = 'stuck' OR r.asks_since IS NOT NULL)
    ORDER BY r.created_at DESC LIMIT %(counted)s
) AS open
GROUP BY 1, 2
"""
OLDEST_ON_DESK = """
SELECT extract(epoch FROM clock_timestamp() - least(
    (SELECT min(created_at) FROM saga_run WHERE status = 'stuck'),
    (SELECT min(created_at) FROM saga_run WHERE asks_since IS NOT NULL)))::float8
"""
READY = """
SELECT count(*) FROM (
    SELECT FROM saga_run WHERE ready_at IS NOT NULL AND paused_at IS NULL LIMIT %(counted)s) AS first
"""
WAITING = f"""
SELECT waited.name, (SELECT count(*) FROM (
    SELECT FROM saga_run r WHERE r.waits_for = waited.name AND r.waits_for <> '' LIMIT %(counted)s) AS first)
FROM ({WAITED_FOR}) AS waited
"""
BREAKERS = "SELECT name, state FROM saga_participant ORDER BY name"
