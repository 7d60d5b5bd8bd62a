"""Runs the statements of the hot path, prepared once for each connection.

Planning such a statement costs PostgreSQL more than carrying it out. Connections that are pooled by transaction cannot
keep a prepared statement; where Django is told so (DISABLE_SERVER_SIDE_CURSORS) the statements go out as they are.

PostgreSQL refuses a prepared statement whose result has another type than it had. Hence they return `varchar` as text:
a migration that makes a column longer stops no worker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

PARAMETER = re.compile(r"%\((\w+)\)s")
TYPES = {
    "id": "uuid",
    "run": "uuid",
    "parent": "uuid",
    "branch": "boolean",
    "inputs": "text[]",
    "items": "integer[]",
    "token": "uuid",
    "next_token": "uuid",
    "ids": "uuid[]",
    "runs": "uuid[]",
    "tokens": "uuid[]",
    "next_tokens": "uuid[]",
    "event_tokens": "uuid[]",
    "positions": "smallint[]",
    "leases": "double precision[]",
    "results": "text[]",
    "lasts": "boolean[]",
    "limited": "boolean[]",
    "apart": "text[]",
    "shares": "text[]",
    "lines": "text[]",
    "line_at_once": "integer",
    "priority": "smallint",
    "pools": "boolean[]",
    "tasks": "text[]",
    "traceparents": "text[]",
    "declared": "text[]",
    "most": "integer",
    "pooled": "boolean",
    "names": "text[]",
    "version": "smallint",
    "position": "smallint",
    "pivot": "smallint",
    "batch": "integer",
    "passed": "timestamptz",
    "since": "timestamptz",
    "lease": "double precision",
    "progress": "double precision",
    "patience": "double precision",
    "deadline": "double precision",
    "stake": "numeric",
    "last": "boolean",
    "input": "jsonb",
    "attributes": "jsonb",
    "result": "jsonb",
    "destinations": "text[]",
    "shards": "smallint[]",
    "message_ids": "text[]",
    "types": "text[]",
    "versions": "integer[]",
    "keys": "text[]",
    "payloads": "text[]",
    "headers": "text[]",
}
"""Of the parameters, by name; text where none is named."""

PLANNED_AGAIN = frozenset(16 * 4**n for n in range(12))
"""Executions after which a statement is prepared anew: PostgreSQL keeps the plan that it made when a table was small,
until the table is analysed."""

_prepared: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()
"""By connection: how often each statement that is prepared on it has run."""


def fetch(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that runs too seldom to be prepared."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def execute(statement: str, parameters: dict[str, Any]) -> int:
    """How many rows a statement that runs too seldom to be prepared wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


@dataclass(frozen=True)
class Statement:
    """A statement with parameters written `%(name)s`."""

    name: str
    text: str

    def rows(self, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """The rows that it returns. Parameters that it does not name are passed over."""
        with connection.cursor() as cursor:
            self._execute(cursor, parameters)
            return list(cursor.fetchall())

    def count(self, parameters: dict[str, Any]) -> int:
        """How many rows it wrote."""
        with connection.cursor() as cursor:
            self._execute(cursor, parameters)
            return int(cursor.rowcount)

    def _execute(self, cursor: Any, parameters: dict[str, Any]) -> None:
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            cursor.execute(self._typed, parameters)
            return
        known = _prepared.setdefault(connection.connection, {})
        if known.get(self.name) in PLANNED_AGAIN:
            cursor.execute(f"DEALLOCATE {self.name}")
            count = known.pop(self.name)  # should preparing fail, as without a lock, the next execution prepares
            cursor.execute(self._prepare)
            known[self.name] = count
        elif self.name not in known:
            cursor.execute(self._prepare)
            known[self.name] = 0
        known[self.name] += 1
        cursor.execute(self._call, [parameters[name] for name in self._order])

    @cached_property
    def _order(self) -> list[str]:
        return list(dict.fromkeys(PARAMETER.findall(self.text)))

    @cached_property
    def _typed(self) -> str:
        """Each parameter has the type that PREPARE would give it: psycopg 3 says of many only that it is unknown."""
        return PARAMETER.sub(lambda match: f"{match[0]}::{TYPES.get(match[1], 'text')}", self.text)

    @cached_property
    def _prepare(self) -> str:
        types = ", ".join(TYPES.get(name, "text") for name in self._order)
        return f"PREPARE {self.name} {f'({types})' if types else ''} AS {PARAMETER.sub(self._number, self.text)}"

    @cached_property
    def _call(self) -> str:
        given = ", ".join(["%s"] * len(self._order))
        return f"EXECUTE {self.name} ({given})" if given else f"EXECUTE {self.name}"

    def _number(self, match: re.Match[str]) -> str:
        return f"${self._order.index(match[1]) + 1}"
