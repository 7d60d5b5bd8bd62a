"""Every statement of the hot path, in one place. Times are PostgreSQL's: no two machines need to agree on the hour."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import connection


def insert_message(message_id: UUID, type_: str, version: int, key: str, payload: str, headers: str) -> None:
    """Write one message, due at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO outbox_message
                (message_id, type, version, key, payload, headers, attempts, due_at, last_error, created_at)
            VALUES (%s, %s, %s, %s, %s, %s, 0, statement_timestamp(), '', clock_timestamp())
            """,
            [message_id, type_, version, key, payload, headers],
        )


def oldest_unpublished_age() -> timedelta | None:
    """Age of the first message by id; it is the oldest but for transactions that overlapped."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - created_at FROM outbox_message ORDER BY id LIMIT 1")
        row = cursor.fetchone()
    return row[0] if row else None
