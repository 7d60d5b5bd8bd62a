"""`make demo`: places orders on the running stack, or on one that it starts and stops itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .demo_orders import Demo
from .errors import LocalStackError
from .state_dir import StateDir
from .subprocesses import spawn, stop
from .up import READY_PATIENCE

STOP_PATIENCE = 20.0  # seconds


def demo(home: StateDir, orders: int) -> int:
    """Place `orders` orders and compare the ledgers; returns 0 when all settled and all ledgers agree, else 1."""
    with running_stack(home):
        addresses = home.read_env()
        if "SITE_URL" not in addresses:
            raise LocalStackError("Another `make up` is starting or stopping here; try again in a moment.")
        return Demo(addresses["SITE_URL"], addresses["STANDINS_URL"]).run(orders)


@contextmanager
def running_stack(home: StateDir) -> Iterator[None]:
    """A stack that answers: the running one, or one that lives as long as the block."""
    if home.is_claimed():
        yield
        return
    log = home.root / "up.log"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "config.local", "up"]
    print(f"No stack is running; starting one. Its log: {log}")
    process = spawn(command, log, dies_by=signal.SIGTERM)
    try:
        wait_for_ready(process, log)
        yield
    finally:
        print("Stopping the stack that was started for this …")
        stop(process, signal.SIGTERM, patience=STOP_PATIENCE)


def wait_for_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    """Print the launcher's own lines until the stack is ready. Raises LocalStackError if it ends or takes too long."""
    deadline = time.monotonic() + READY_PATIENCE + 60
    with log.open() as lines:
        while time.monotonic() < deadline:
            line = lines.readline()
            if line.startswith("Ready: "):
                return
            if line and " | " not in line:
                print(line, end="")
            if not line:
                if process.poll() is not None:
                    raise LocalStackError(f"The stack did not start; see {log}.")
                time.sleep(0.05)
    raise LocalStackError(f"The stack was not ready in time; see {log}.")
