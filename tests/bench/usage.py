"""What a stretch of time cost: CPU from /proc, statements and commits from PostgreSQL's own books."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from redis import Redis

TICK = 1000 / os.sysconf("SC_CLK_TCK")  # milliseconds
STATEMENTS = """
SELECT coalesce(sum(s.calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = %s AND s.query NOT LIKE '%%bench-watch%%'
AND s.query NOT LIKE 'SELECT %% FROM ONLY %% FOR KEY SHARE OF x' -- foreign keys' own checks: no client sends them
AND s.query !~* '^(begin|commit|rollback|start transaction|savepoint|release)'
"""
COMMITS = """
SELECT coalesce(sum(count), 0) FROM pg_get_wal_stats(%s::pg_lsn, %s::pg_lsn, true)
WHERE "resource_manager/record_type" = 'Transaction/COMMIT'
"""


@dataclass(frozen=True)
class Reading:
    """Counters at one moment; only differences mean something. CPU in milliseconds."""

    contender: float
    """CPU of the contender's own processes, of PostgreSQL's, and of Redis."""
    postgresql: float
    redis: float
    statements: int
    wal: str

    @property
    def cpu(self) -> float:
        return self.contender + self.postgresql + self.redis


class Meter:
    """Reads the counters. Statements are those that clients send, without BEGIN and COMMIT; commits those that write.

    What an idle contender does is taken off by its rate. One that polls does so less when it is busy, so that its
    statements come out a little too low. Commits are counted in the WAL: `xact_commit` may be ten seconds late.
    """

    def __init__(self, url: str, redis_url: str) -> None:
        self.connection = psycopg2.connect(url, application_name="bench-watch")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        for extension in ("pg_stat_statements", "pg_walinspect"):
            self.cursor.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
        self.own = self.connection.info.backend_pid
        self.postmaster = parent_of(self.own)
        with Redis.from_url(redis_url) as redis:
            self.redis = int(redis.info("server")["process_id"])

    def read(self, database: str, pids: Iterable[int], leave_out: Collection[int] = ()) -> Reading:
        """Now. `pids` are the contender's processes, `leave_out` the sessions that only watch."""
        self.cursor.execute("SELECT pg_current_wal_flush_lsn()")
        wal = str(self._one())
        self.cursor.execute(STATEMENTS, [database])
        statements = int(str(self._one()))
        servers = server_milliseconds(self.postmaster, {self.own, *leave_out})
        mine = sum(milliseconds(pid, reaped=True) for pid in pids)
        return Reading(mine, servers, milliseconds(self.redis, reaped=True), statements, wal)

    def commits(self, before: Reading, after: Reading) -> int:
        """How many transactions that write were committed in between, on the whole server."""
        if before.wal == after.wal:
            return 0
        self.cursor.execute(COMMITS, [before.wal, after.wal])
        return int(str(self._one()))

    def close(self) -> None:
        self.connection.close()

    def _one(self) -> object:
        row = self.cursor.fetchone()
        assert row is not None
        return row[0]


def server_milliseconds(postmaster: int, leave_out: Collection[int]) -> float:
    """CPU of PostgreSQL's processes, those that have ended included."""
    children = [pid for pid in all_processes() if pid not in leave_out and parent_of(pid) == postmaster]
    return milliseconds(postmaster, reaped=True) + sum(milliseconds(pid) for pid in children)


def milliseconds(pid: int, *, reaped: bool = False) -> float:
    """CPU of a process in user and system mode, with `reaped` that of its ended children too; 0 when it is gone."""
    fields = stat_of(pid)
    return sum(int(field) for field in fields[11 : 15 if reaped else 13]) * TICK


def tree_milliseconds(root: int) -> float:
    """CPU of a process and of all that it and its children have started, those that have ended included."""
    return sum(milliseconds(pid, reaped=True) for pid in family(root))


def family(root: int) -> list[int]:
    """A process, its children, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for pid in all_processes():
        children.setdefault(parent_of(pid), []).append(pid)
    found, next_ones = [], [root]
    while next_ones:
        found += next_ones
        next_ones = [child for pid in next_ones for child in children.get(pid, ())]
    return found


def resident_megabytes(pid: int) -> float:
    """Memory that a process holds in RAM; raises FileNotFoundError when it is gone."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0  # a zombie has none


def parent_of(pid: int) -> int:
    fields = stat_of(pid)
    return int(fields[1]) if fields else 0


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (proc(5)); none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
