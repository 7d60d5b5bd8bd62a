"""The folder of all local state: `.local/` in the project, or the folder that SETTLE_HOME names."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from config.env import LOCAL_HOME

from .errors import LocalStackError


class StateDir:
    """The folder, its lock (one stack per folder) and `env`: the servers' addresses for a second terminal."""

    def __init__(self, root: Path = LOCAL_HOME) -> None:
        self.root = root
        self.env_file = root / "env"
        self._lock_file = root / "lock"
        self._lock: int | None = None

    def claim(self, site: str) -> None:
        """Lock the folder until this process ends. Raises LocalStackError when another stack has locked it.

        The kernel releases the lock when its holder dies, however it dies.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._lock_file.read_text().strip() or "it is just starting"
            raise LocalStackError(
                f"Settle is already running from this folder ({holder}). "
                "Stop that one first: Ctrl-C in its terminal, or `kill` that process."
            ) from None
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, f"process {os.getpid()}, {site}\n".encode(), 0)

    def is_claimed(self) -> bool:
        """Whether a stack has locked the folder."""
        try:
            with self._lock_file.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def write_env(self, values: Mapping[str, str]) -> None:
        """Write NAME=value lines, readable by the owner only, in one atomic step."""
        draft = self.root / "env.new"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text("".join(f"{name}={value}\n" for name, value in sorted(values.items())))
        draft.replace(self.env_file)

    def read_env(self) -> dict[str, str]:
        """The variables of the running stack; empty without one."""
        if not self.env_file.exists():
            return {}
        pairs = (line.partition("=") for line in self.env_file.read_text().splitlines())
        return {name: value for name, _, value in pairs}

    def forget_env(self) -> None:
        self.env_file.unlink(missing_ok=True)
