"""The rows that a relay has to publish: copies of events that the contender wrote in its own way."""

from __future__ import annotations

import psycopg2

from outbox.ids import uuid7

from .contenders import Table

COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'id' AND is_generated = 'NEVER'
ORDER BY ordinal_position
"""
COPY = """
INSERT INTO {table} ({columns}) SELECT {values}
FROM unnest(%s::uuid[]) WITH ORDINALITY AS fresh (id, number)
JOIN {model} AS model ON model.bench_row = (fresh.number - 1) %% (SELECT count(*) FROM {model})
ORDER BY fresh.number
"""


class Backlog:
    """One contender's table, on a connection of its own."""

    def __init__(self, url: str, table: Table, keys: int) -> None:
        self.table = table
        self.model = f"bench_model_{keys}"
        self.connection = psycopg2.connect(url, application_name="bench-watch")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def keep_model(self) -> None:
        """Set what the contender has written aside, as the model of all rows."""
        self._run(f"DROP TABLE IF EXISTS {self.model}")
        number = "row_number() OVER (ORDER BY id) - 1 AS bench_row"
        self._run(f"CREATE TABLE {self.model} AS SELECT {number}, original.* FROM {self.table.name} AS original")
        self._run(f"ANALYZE {self.model}")
        self.empty(history=False)

    def empty(self, *, history: bool = True) -> None:
        """Remove every row, with `history` also those published; begin the measurement on a quiet disk."""
        names = [self.table.name, *self.table.emptied, self.table.history if history else ""]
        self._run(f"TRUNCATE {', '.join(filter(None, names))}")
        self._run("CHECKPOINT")

    def fill(self, rows: int) -> None:
        """Commit so many unpublished messages at once, with fresh statistics, and wake who listens."""
        copy = self._copy()
        self._run("BEGIN")
        self._run(copy, [str(uuid7()) for _ in range(rows)])
        self._run(f"ANALYZE {self.table.name}")
        if self.table.wake:
            self._run(self.table.wake)
        self._run("COMMIT")

    def is_done(self) -> bool:
        """Whether all are published and marked."""
        self._run(f"SELECT EXISTS (SELECT FROM {self.table.name} WHERE {self.table.pending})")
        return not self._one()

    def is_shared(self, relays: int) -> bool:
        """Whether so many relays have shared the work among them."""
        if not self.table.steady:
            return True
        self.cursor.execute(f"/* bench-watch */ {self.table.steady}", [relays])
        return bool(self._one())

    @property
    def backend(self) -> int:
        """The process that answers, on the server's machine."""
        return int(self.connection.info.backend_pid)

    def close(self) -> None:
        self.connection.close()

    def _copy(self) -> str:
        """The statement that copies the model's rows; its parameter is a list of ids, one a row."""
        self.cursor.execute(COLUMNS, [self.table.name])
        fresh = self.table.unique
        values = {name: f"fresh.id::{kind}" if name in fresh else f"model.{name}" for name, kind in self._all()}
        columns, copied = ", ".join(values), ", ".join(values.values())
        return COPY.format(table=self.table.name, model=self.model, columns=columns, values=copied)

    def _run(self, statement: str, ids: list[str] | None = None) -> None:
        self.cursor.execute(f"/* bench-watch */ {statement}", None if ids is None else [ids])

    def _all(self) -> list[tuple[str, str]]:
        return [(str(name), str(kind)) for name, kind in self.cursor.fetchall()]

    def _one(self) -> object:
        row = self.cursor.fetchone()
        assert row is not None
        return row[0]
