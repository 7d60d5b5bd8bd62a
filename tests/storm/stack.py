"""The processes of a stack that `make up` keeps running, as someone who kills them finds them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

PROC = Path("/proc")
LONG_AGO = datetime.min.replace(tzinfo=UTC)
QUEUES = ("sagas", "events", "webhooks", "default", "upkeep")


@dataclass(slots=True)
class Stack:
    """Linux only: processes are found below /proc, by what the launcher tells each in its environment."""

    home: Path
    """The folder of its state (SETTLE_HOME)."""
    addresses: Mapping[str, str]
    """What the launcher published: SITE_URL, REDIS_URL, …"""
    _thaw: threading.Timer | None = None
    _thawed_at: datetime = LONG_AGO

    def kill(self, role: str) -> None:
        """SIGKILL to the part and to its children; the launcher starts it again."""
        for pid in self._pids(role):
            _signal(pid, signal.SIGKILL)

    def kill_one_web_process(self) -> None:
        """SIGKILL to one of the processes that answer requests; the first one of them lives, and forks another."""
        pids = self._pids("web")
        for child in [pid for pid in pids if _parent(pid) in pids][:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def freeze(self, role: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT that much later: meanwhile it keeps its sessions and its locks, and does nothing."""
        pids = self._pids(role)
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        self._thaw = threading.Timer(seconds, self._let_go, [pids])
        self._thaw.start()

    def thawed(self) -> datetime:
        """Wait until nothing is frozen any more; returns when that began."""
        if self._thaw is not None:
            self._thaw.join()
        return self._thawed_at

    def _let_go(self, pids: list[int]) -> None:
        for pid in pids:
            _signal(pid, signal.SIGCONT)
        self._thawed_at = datetime.now(UTC)

    def empty_redis(self) -> None:
        """FLUSHALL; nothing while it is down."""
        with Redis.from_url(self.addresses["REDIS_URL"]) as client, contextlib.suppress(RedisError):
            client.flushall()

    def kill_redis(self) -> None:
        _kill_server(self.home / "redis" / "pid")

    def crash_database(self) -> None:
        """SIGKILL to PostgreSQL's first process: every session ends, and it recovers from its log at its next start."""
        _kill_server(self.home / "postgres" / "data" / "postmaster.pid")

    def waiting(self) -> dict[str, int]:
        """How many messages wait in each of the workers' queues; empty while Redis is away."""
        with Redis.from_url(self.addresses["REDIS_URL"]) as client, contextlib.suppress(RedisError):
            return {queue: int(str(client.llen(queue))) for queue in QUEUES}
        return {}

    def _pids(self, role: str) -> list[int]:
        """The processes of a part, its first one first."""
        marks = {b"SETTLE_PROCESS=" + role.encode(), b"SETTLE_HOME=" + str(self.home).encode()}
        found = [pid for pid in _everybody() if marks <= set(_environment(pid).split(b"\0"))]
        return sorted(found)


def _everybody() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]


def _environment(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "environ").read_bytes()
    except OSError:  # it has ended, or is not ours
        return b""


def _parent(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _signal(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signum)


def _kill_server(pid_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is down already
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
