"""Sees from outside when orders are done, and what is locked meanwhile; asks PostgreSQL alone, the same for all."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg2

from .commit.branch import PREFIX
from .databases import Databases

LONG = 1.0  # seconds for which only somebody's absence explains a lock
DONE = "SELECT number FROM lab_order WHERE number = ANY(%s) AND status = 'confirmed'"
LOCKED = """
SELECT s.sku, s.xmax::text FROM lab_stock s
JOIN pg_locks l ON l.locktype = 'transactionid' AND l.transactionid = s.xmax AND l.mode = 'ExclusiveLock' AND l.granted
"""
"""Rows whose newest version somebody unfinished has replaced. A prepared transaction holds locks without a session."""
LEFT = f"""
WITH left_over AS (SELECT transaction FROM pg_prepared_xacts
                   WHERE gid LIKE '{PREFIX}:%%' AND prepared < clock_timestamp() - make_interval(secs => %s))
SELECT (SELECT count(*) FROM left_over),
       (SELECT count(*) FROM pg_locks l WHERE l.pid IS NULL AND l.virtualtransaction IN (
            SELECT t.virtualtransaction FROM pg_locks t JOIN left_over p ON t.transactionid = p.transaction
            WHERE t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock')),
       (SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted)
"""


class Orders:
    """When each order was placed, and when it was first seen done; monotonic seconds."""

    def __init__(self, databases: Databases) -> None:
        self.placed: dict[str, float] = {}
        self.done: dict[str, float] = {}
        self._connection, self._cursor = session(databases.shop)

    def expect(self, number: str) -> None:
        self.placed[number] = time.monotonic()

    def look(self) -> None:
        self._cursor.execute(DONE, [[number for number in self.placed if number not in self.done]])
        now = time.monotonic()
        self.done.update((number, now) for (number,) in self._cursor.fetchall())

    def count(self, numbers: Iterable[str]) -> int:
        """How many of them are done, by a fresh look."""
        self.look()
        return sum(number in self.done for number in numbers)

    def took(self, number: str) -> float:
        """Seconds from placing to done."""
        return self.done[number] - self.placed[number]

    def close(self) -> None:
        self._connection.close()


@dataclass
class Locks:
    """What was locked at the moments of looking. A lock seen at one look only has held for 0 seconds here."""

    databases: Databases
    left: int = 0
    """Prepared transactions older than LONG, at most at once."""
    locks: int = 0
    """What these held, in entries of pg_locks."""
    waiting: int = 0
    """Sessions that waited for a lock, at most at once."""
    _held: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """A product and the transaction that has its row: first and last seen."""

    def __post_init__(self) -> None:
        self._connection, self._cursor = session(self.databases.stock)

    def look(self) -> int:
        """Note what is locked now; how many transactions are left over now."""
        self._cursor.execute(LOCKED)
        now = time.monotonic()
        for sku, transaction in self._cursor.fetchall():
            first, _ = self._held.get((sku, transaction), (now, now))
            self._held[sku, transaction] = first, now
        self._cursor.execute(LEFT, [LONG])
        row = self._cursor.fetchone()
        assert row is not None
        self.left, self.locks, self.waiting = max(self.left, row[0]), max(self.locks, row[1]), max(self.waiting, row[2])
        return int(row[0])

    @property
    def longest(self) -> float:
        """Seconds for which one transaction was seen to hold one row of the stock."""
        return max((last - first for first, last in self._held.values()), default=0.0)

    @property
    def rows(self) -> int:
        """Rows of the stock that were held for longer than LONG."""
        return len({sku for (sku, _), (first, last) in self._held.items() if last - first > LONG})

    def close(self) -> None:
        self._connection.close()


def session(url: str) -> tuple[psycopg2.extensions.connection, psycopg2.extensions.cursor]:
    connection = psycopg2.connect(url, application_name="twophase-watch")
    connection.autocommit = True
    return connection, connection.cursor()
