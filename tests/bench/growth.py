"""A database with a past: copies of one real thing that is done with, and of what tells of it.

The copies are made column by column from what the tables hold, so that a new column needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg2

from .errors import BenchError

OLDEST = 180000  # the server's version
AT_ONCE = 100_000  # copies a statement
BEFORE = "p.n - 1000000000"
"""An id below all real ones."""
PAST = """
CREATE TEMPORARY TABLE past AS
SELECT n, uuidv7(since) AS id, clock_timestamp() + since AS at
FROM (SELECT n, ({span}) * ((n - %(count)s)::float / %(count)s) AS since
      FROM generate_series(1, %(count)s) n) s
"""
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""


@dataclass(frozen=True)
class Copied:
    """A table whose rows `t` of the model `m` are copied once for each moment `p` of the past.

    `columns`: a copy's own values; None leaves the default.
    """

    name: str
    rows: str
    columns: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Past:
    """What is copied, and over which time up to now the copies are spread evenly."""

    model: str
    """A SELECT of the one row, with a `created_at`, that all copies are made of."""
    tables: Sequence[Copied]
    span: str
    """An SQL expression, of type interval."""
    before: str = ""
    """A statement that is run first."""

    def fill(self, url: str, count: int, say: Callable[[str], None]) -> None:
        """Make so many copies, then vacuum. Raises BenchError when there is no model."""
        connection = psycopg2.connect(url, options="-c synchronous_commit=off")
        connection.autocommit = True
        if connection.server_version < OLDEST:
            raise BenchError(
                "Filling a database needs PostgreSQL 18, for uuidv7(); leave --growth out, or DATABASE_URL."
            )
        with connection.cursor() as cursor:
            self._prepare(cursor, count)
            for table in self.tables:
                say(f"  {table.name}: {copy(cursor, table, count)} rows")
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
        connection.close()

    def _prepare(self, cursor: psycopg2.extensions.cursor, count: int) -> None:
        if self.before:
            cursor.execute(self.before)
        cursor.execute(PAST.format(span=self.span), {"count": count})
        cursor.execute("ALTER TABLE past ADD PRIMARY KEY (n)")
        cursor.execute("ANALYZE past")
        cursor.execute(f"CREATE TEMPORARY TABLE model AS {self.model} LIMIT 1")
        if cursor.rowcount != 1:
            raise BenchError(f"There is nothing to copy: no row for {self.model.strip()}.")


def copy(cursor: psycopg2.extensions.cursor, table: Copied, count: int) -> int:
    """Copy the model's rows of one table; how many were written."""
    cursor.execute(COLUMNS, [table.name])
    values = {name: value_of(name, kind, table) for name, kind in cursor.fetchall()}
    kept = {name: value for name, value in values.items() if value is not None}
    statement = (
        f"INSERT INTO {table.name} ({', '.join(kept)}) SELECT {', '.join(kept.values())} "
        f"FROM past p, model m JOIN {table.name} t ON {table.rows} WHERE p.n BETWEEN %s AND %s"
    )
    written = 0
    for start in range(1, count + 1, AT_ONCE):
        cursor.execute(statement, [start, min(count, start + AT_ONCE - 1)])
        written += cursor.rowcount
    return written


def value_of(name: str, kind: str, table: Copied) -> str | None:
    """The expression for one column of a copy: times are moved into the past, the rest is as in the model."""
    if name in table.columns:
        return table.columns[name]
    return f"t.{name} + (p.at - m.created_at)" if kind.startswith("timestamp") else f"t.{name}"
