"""Statements on the daily partitions of the history and of the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from . import run

PARTITIONED = ("outbox_published", "outbox_inbox")


def partition_days(table: str) -> list[date]:
    """The days that have their own partition, oldest first."""
    rows = run.rows(
        """
        SELECT to_date(right(child.relname, 8), 'YYYYMMDD') FROM pg_inherits
        JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = %s::regclass AND child.relname ~ '_[0-9]{8}$' ORDER BY 1
        """,
        [table],
    )
    return [day for (day,) in rows]


def add_partition(table: str, day: date) -> None:
    """Make the partition of that day and move the day's rows from the default partition. Call it in a transaction."""
    name = f"{table}_{day:%Y%m%d}"
    lock_default(table)
    run.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE)")
    run.execute(
        f"WITH moved AS (DELETE FROM {table}_default WHERE day = %s RETURNING *) "
        f"INSERT INTO {name} SELECT * FROM moved",
        [day],
    )
    run.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)", [day, day + timedelta(days=1)]
    )


def lock_default(table: str) -> None:
    """Lock the default partition against everybody until the transaction ends."""
    run.execute(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE")


def lock_whole(table: str) -> None:
    """Lock the table against everybody until the transaction ends."""
    run.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


def set_lock_timeout(time: str) -> None:
    """Limit how long statements of this transaction wait for a lock, such as "50ms"."""
    run.rows("SELECT set_config('lock_timeout', %s, true)", [time])


@contextmanager
def statement_timeout(time: str) -> Iterator[None]:
    """Limit how long statements within the block may run, such as "200ms"; PostgreSQL cancels longer ones."""
    ((before,),) = run.rows("SELECT current_setting('statement_timeout')")
    run.rows("SELECT set_config('statement_timeout', %s, true)", [time])
    yield
    run.rows("SELECT set_config('statement_timeout', %s, true)", [before])


def holder_of(table: str, for_at_least: timedelta) -> str:
    """Who has held a lock on the table or a partition of it for so long, in words; empty for nobody. Does not wait.

    A transaction whose age PostgreSQL does not show (another user's, or a prepared one) counts as old.
    """
    rows = run.rows(
        """
        SELECT locks.pid, session.application_name, extract(epoch FROM clock_timestamp() - session.xact_start)::float8
        FROM pg_locks AS locks LEFT JOIN pg_stat_activity AS session USING (pid)
        WHERE locks.relation IN (SELECT relid FROM pg_partition_tree(%s::regclass)) AND locks.granted
          AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND locks.pid IS DISTINCT FROM pg_backend_pid()
          AND coalesce(clock_timestamp() - session.xact_start >= %s, true)
        ORDER BY session.xact_start NULLS LAST LIMIT 1
        """,
        [table, for_at_least],
    )
    if not rows:
        return ""
    pid, name, seconds = rows[0]
    who = "a prepared transaction" if pid is None else f"session {pid} ({name or 'unnamed'})"
    return who if seconds is None else f"{who} for {seconds:.0f} s"


def is_awaited(table: str, day: date) -> bool:
    """Whether something still needs that day's partition.

    For the history: an unconfirmed delivery. For the inbox: also a message of that day that is unpublished or in the
    history.
    """
    awaited = "SELECT 1 FROM outbox_delivery WHERE day = %(day)s"
    if table == "outbox_inbox":
        awaited += """
            UNION ALL SELECT 1 FROM outbox_message WHERE outbox_day(message_id, created_at) = %(day)s
            UNION ALL SELECT 1 FROM outbox_published WHERE day = %(day)s
        """
    return bool(run.rows(f"SELECT EXISTS ({awaited})", {"day": day})[0][0])


def drop_partition(table: str, day: date) -> None:
    """Drop that day's partition with all its rows."""
    run.execute(f"DROP TABLE {table}_{day:%Y%m%d}")
