"""Ends a server that outlived an earlier run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path


def end_left_over(pid_file: Path, *, mark: str, signum: signal.Signals) -> None:
    """End a server of an earlier run, and remove its pid file.

    `mark` is a part of its command line: after a reboot the pid may belong to another program.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    deadline = time.monotonic() + LEFT_OVER_PATIENCE
    with contextlib.suppress(ProcessLookupError):
        while mark in command_line(pid):
            os.kill(pid, signum if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.1)
    pid_file.unlink(missing_ok=True)


LEFT_OVER_PATIENCE = 10.0  # seconds


def command_line(pid: int) -> str:
    """The command line of a process; "" without one."""
    if Path("/proc/self/cmdline").exists():  # Linux, where `ps` need not be installed
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout
