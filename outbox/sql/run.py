"""Runs one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

COLUMNS = "message_id, type, version, key, payload, headers, created_at"
"""The columns that every copy of a message has, in the order of `Envelope`'s fields."""

NOT_AWAITED = "(SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL"
"""A condition that is always true, and makes the statement's own commit not wait for the disk.

Only for what a crash of PostgreSQL may undo without harm: a mark that is lost sends its message again.
"""


def envelope(table: str) -> str:
    """The columns of a message in `table`, as text, in the order of `Envelope`'s fields."""
    return (
        f"{table}.message_id::text, {table}.type, {table}.version, {table}.key, {table}.payload, {table}.headers, "
        f"""to_char({table}.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')"""
    )


def numbers(values: Iterable[int]) -> str:
    """Whole numbers as PostgreSQL writes an array of them: it reads that faster than a list of constants.

    The statement casts it, such as `%(ids)s::bigint[]`.
    """
    return "{" + ",".join(map(str, values)) + "}"


def rows(statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
    """Run the statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def execute(statement: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> int:
    """Run the statement and return how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
