"""Runs one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

COLUMNS = "message_id, type, version, key, payload, headers, created_at"
"""What every copy of a message carries, in the order of `Envelope`'s fields."""


def rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The statement's rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def execute(statement: str, parameters: Sequence[Any] = ()) -> int:
    """How many rows the statement wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
