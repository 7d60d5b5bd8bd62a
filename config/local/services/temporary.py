"""Servers for one command, in a folder that is removed afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..state_dir import StateDir
from ..subprocesses import die_with_parent
from .servers import Servers


@contextmanager
def environment_with_servers(home: StateDir) -> Iterator[dict[str, str]]:
    """An environment with private servers, except those that the environment names already."""
    remove_left_overs(home.root)
    folder = home.root / f"run-{os.getpid()}"
    servers = Servers(folder)
    try:
        servers.start()
        yield {**os.environ, **servers.environment, "SETTLE_LOCAL": "1"}
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in the foreground; its exit code."""
    process = subprocess.Popen(command, env=environment, preexec_fn=die_with_parent(signal.SIGTERM))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the terminal sent the command the same signal: let it end by itself


def remove_left_overs(root: Path) -> None:
    """Remove the folders of killed runs and killed test sessions."""
    for folder in (*root.glob("run-*"), *root.glob("test-*")):
        pid = folder.name.partition("-")[2]
        if pid.isdecimal() and not is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's process
        return True
    return True
