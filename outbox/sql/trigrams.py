"""For migrations: an index that finds parts of a text, also on a database without pg_trgm."""

from __future__ import annotations

import logging
from typing import Any

from django.db import Error, migrations
from django.db.migrations.operations.base import Operation

logger = logging.getLogger(__name__)


def patiently(*operations: Operation) -> list[Operation]:
    """Run operations without a lock timeout, because they wait for older transactions; they block nobody meanwhile."""
    begin, end = "SET lock_timeout = 0", "RESET lock_timeout"
    return [migrations.RunSQL(begin, end), *operations, migrations.RunSQL(end, begin)]


def make(name: str, table: str, column: str, where: str = "true", *, statistics: bool = True) -> migrations.RunPython:
    """An index on the upper-case column, for the rows `where`: trigrams, or only prefixes where pg_trgm is missing.

    It is built while others read and write, outside a transaction: for a migration with `atomic = False`. pg_trgm is a
    trusted extension: whoever may CREATE in the database may create it. Where that fails, the log says what to do.

    An index of some rows tells PostgreSQL nothing of how frequent a word is: statistics of the column do, unless an
    earlier index of the same column has made them (`statistics=False`).
    """

    def forwards(_apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            how = "USING gin (upper({}) gin_trgm_ops)" if _has_trigrams(cursor) else "(upper({}) text_pattern_ops)"
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")  # left by a migration that was interrupted
            cursor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} {how.format(column)} WHERE {where}")
            if statistics:  # without these PostgreSQL cannot tell a rare word from a common one
                cursor.execute(f"CREATE STATISTICS IF NOT EXISTS {name}_words ON (upper({column})) FROM {table}")
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
            if cursor.fetchone()[0]:  # an empty one PostgreSQL would plan for as one that stays empty
                cursor.execute(f"ANALYZE {table}")

    def backwards(_apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            cursor.execute(f"DROP STATISTICS IF EXISTS {name}_words")

    return migrations.RunPython(forwards, backwards, atomic=False)


def _has_trigrams(cursor: Any) -> bool:
    try:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except Error as error:  # no permission, or its files are not installed
        why = str(error).strip()
        logger.warning("pg_trgm cannot be created, so lists are searched by the beginning of a text only: %s", why)
        return False
    return True
