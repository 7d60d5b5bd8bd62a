"""How many buffers statements read: what an index saves shows there, whatever the machine's speed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


class Reading:
    """The statements that were sent, and what they read."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            self.statements.append((sql, params))
        return execute(sql, params, many, context)

    def buffers(self) -> int:
        """Of all of them: each is carried out once more."""
        return sum(read_by(*statement) for statement in self.statements)


@contextmanager
def reading() -> Iterator[Reading]:
    """Note what is sent to PostgreSQL meanwhile, but for what is prepared."""
    seen = Reading()
    with connection.execute_wrapper(seen):
        yield seen


def read_by(sql: str, params: Any) -> int:
    """The buffers that one statement reads."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
