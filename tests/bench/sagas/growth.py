"""A database with a past: copies of one real finished run, with its steps, attempts and published events.

The copies are made column by column from what the tables hold, so that a new column needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg2

from tests.bench.errors import BenchError

OLDEST = 180000  # the server's version
AT_ONCE = 100_000  # runs a statement
SPAN = "30 days"  # the past is this long; runs are spread over it evenly
PAST = """
CREATE TEMPORARY TABLE past AS
SELECT n, uuidv7(since) AS id, clock_timestamp() + since AS at
FROM (SELECT n, interval '{span}' * ((n - %(runs)s)::float / %(runs)s) AS since FROM generate_series(1, %(runs)s) n) s
"""
MODEL = """
CREATE TEMPORARY TABLE model AS SELECT * FROM saga_run WHERE name = 'trial' AND status = 'completed' LIMIT 1
"""
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""


@dataclass(frozen=True)
class Copied:
    """A table whose rows of the model run are copied. `columns`: a copy's own values; None leaves the default."""

    name: str
    rows: str
    columns: dict[str, str | None] = field(default_factory=dict)


TABLES = (
    Copied("saga_run", "t.id = m.id", {"id": "p.id", "key": "'past:' || p.n", "subject": "'P-' || p.n"}),
    Copied("saga_step", "t.run_id = m.id", {"id": None, "run_id": "p.id"}),
    Copied("saga_attempt", "t.run_id = m.id", {"id": None, "run_id": "p.id", "token": "gen_random_uuid()"}),
    Copied(
        "outbox_published",
        "t.key IN (m.key, 'trial:' || (m.input->>'number'))",
        {"id": None, "message_id": "uuidv7(p.at - clock_timestamp())", "key": "'past:' || p.n"},
    ),
)


def fill(url: str, runs: int, say: Callable[[str], None]) -> None:
    """Copy a finished run of the database so many times over, then vacuum. Raises BenchError when there is none."""
    connection = psycopg2.connect(url, options="-c synchronous_commit=off")
    connection.autocommit = True
    if connection.server_version < OLDEST:
        raise BenchError("Filling a database needs PostgreSQL 18, for uuidv7(); leave --growth out, or DATABASE_URL.")
    with connection.cursor() as cursor:
        cursor.execute(PAST.format(span=SPAN), {"runs": runs})
        cursor.execute("ALTER TABLE past ADD PRIMARY KEY (n)")
        cursor.execute("ANALYZE past")
        cursor.execute(MODEL)
        if cursor.rowcount != 1:
            raise BenchError("There is no finished run to copy.")
        for table in TABLES:
            written = copy(cursor, table, runs)
            say(f"  {table.name}: {written} rows")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")
    connection.close()


def copy(cursor: psycopg2.extensions.cursor, table: Copied, runs: int) -> int:
    """Copy the model run's rows of one table; how many were written."""
    cursor.execute(COLUMNS, [table.name])
    values = {name: value_of(name, kind, table) for name, kind in cursor.fetchall()}
    kept = {name: value for name, value in values.items() if value is not None}
    statement = (
        f"INSERT INTO {table.name} ({', '.join(kept)}) SELECT {', '.join(kept.values())} "
        f"FROM past p, model m JOIN {table.name} t ON {table.rows} WHERE p.n BETWEEN %s AND %s"
    )
    written = 0
    for start in range(1, runs + 1, AT_ONCE):
        cursor.execute(statement, [start, min(runs, start + AT_ONCE - 1)])
        written += cursor.rowcount
    return written


def value_of(name: str, kind: str, table: Copied) -> str | None:
    """The expression for one column of a copy: times are moved into the past, the rest is as in the model."""
    if name in table.columns:
        return table.columns[name]
    return f"t.{name} + (p.at - m.created_at)" if kind.startswith("timestamp") else f"t.{name}"
