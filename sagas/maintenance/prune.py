"""Deletes runs that ended long ago, with their steps, attempts and acts, and the history of schedules as old. Open and
stuck runs are never deleted.

A run that another one has started is deleted with that one, and not before: its parent may read its results, or undo
it. It does not count towards the batch.

SAGAS_ARCHIVE names a function that gets each batch first: a list of dicts, one per run, with the columns of `saga_run`,
and with `steps`, `attempts`, `acts` and `attributes` as lists of dicts; UUIDs and datetimes are Python objects. It is
called in the transaction that deletes the batch. An error that it raises keeps the batch and ends the pruning. What it
writes to this database commits with the deletion; what it writes elsewhere may be written twice, when the commit fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.module_loading import import_string

from outbox.heartbeats import heartbeat

from ..desk.whole_runs import whole_runs
from ..schedules.look import prune_history
from ..settings import saga_settings

logger = logging.getLogger(__name__)
Archive = Callable[[list[dict[str, Any]]], None]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Reads the index saga_run_finished. TAKE skips locked runs; the next pruning deletes them.
OLD = """
FROM saga_run
WHERE finished_at < statement_timestamp() - %(keep)s AND status IN ('completed', 'compensated', 'resolved')
  AND NOT EXISTS (SELECT FROM saga_child c WHERE c.run_id = saga_run.id)
"""
COUNT = f"SELECT count(*) {OLD}"
# Each batch begins where the last one ended. Deleted rows stay in the index while an old snapshot may see them, and
# each batch would read them again.
TAKE = f"""
SELECT id, finished_at {OLD} AND finished_at >= %(since)s ORDER BY finished_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
"""
# The runs that those have started, and theirs. They have ended: a run does not end before them, but by a person's hand.
DESCENDANTS = """
WITH RECURSIVE family AS (
    SELECT unnest(%(ids)s::uuid[]) AS id
    UNION SELECT c.run_id FROM saga_child c JOIN family ON c.parent_id = family.id
)
SELECT id FROM saga_run JOIN family USING (id)
WHERE status IN ('completed', 'compensated', 'resolved') ORDER BY id FOR UPDATE OF saga_run SKIP LOCKED
"""
# Rows before those that they refer to, each by its index on the run. Django's cascade would first read every row.
REMOVE = (
    "DELETE FROM saga_signal WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_wait WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_child WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_child WHERE parent_id = ANY(%(ids)s)",
    "DELETE FROM saga_handling WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_act WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_attempt WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_attribute WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_ticket WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_step WHERE run_id = ANY(%(ids)s)",
    "DELETE FROM saga_run WHERE id = ANY(%(ids)s)",
)


@heartbeat.leaves("sagas.prune", "runs removed")
def prune_runs(older_than: timedelta | None = None) -> int:
    """Delete the runs that ended longer ago than `older_than`, or SAGAS_KEEP_FINISHED; returns how many.

    Each batch is its own transaction, so that locks are short and an interruption loses the work of one batch. Raises
    what the archive raises.
    """
    keep = older_than if older_than is not None else saga_settings.KEEP_FINISHED
    if keep is None:
        return 0
    total, batch, since = 0, max(saga_settings.PRUNE_BATCH, 1), EPOCH
    while True:
        removed, since = _prune_batch(keep, batch, since)
        total += removed
        if removed < batch:
            break
    prune_history(keep)
    logger.debug("saga.pruned", extra={"runs": total})
    return total


def count_runs(older_than: timedelta) -> int:
    """How many runs `prune_runs` would delete."""
    which: dict[str, Any] = {"keep": older_than}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, which)
        return int(cursor.fetchone()[0])


def _prune_batch(keep: timedelta, batch: int, since: datetime) -> tuple[int, datetime]:
    """Delete one batch of runs that ended at `since` or later; returns how many, and when the last of them ended."""
    which: dict[str, Any] = {"keep": keep, "batch": batch, "since": since}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE, which)
        found = cursor.fetchall()
        ids: list[UUID] = [run for run, _ in found]
        if ids:
            cursor.execute(DESCENDANTS, {"ids": ids})
            ids = [run for (run,) in cursor.fetchall()]
        if ids and saga_settings.ARCHIVE:
            archive: Archive = import_string(saga_settings.ARCHIVE)
            archive(whole_runs(ids))
        for statement in REMOVE if ids else ():
            cursor.execute(statement, {"ids": ids})
    return len(found), found[-1][1] if found else since
