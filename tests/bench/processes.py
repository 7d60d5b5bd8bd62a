"""The processes of one contender, started for one measurement and stopped after it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.local.subprocesses import die_with_parent

from .errors import BenchError

ROOT = Path(__file__).resolve().parents[2]
START = 120.0  # seconds a process may take until it says that it is ready
STOP = 6.0  # seconds it may take to end
READY = b"ready."  # what a process writes
LOOK_EVERY = 0.01  # seconds


class Processes:
    """Started one by one, in the folder `root`; `stop` ends them all, or some.

    Each writes `ready` within START seconds, and ends within `stop` seconds of a SIGTERM, or is killed.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        logs: Path,
        root: Path = ROOT,
        *,
        ready: bytes = READY,
        stop: float = STOP,
    ) -> None:
        self.root = root
        self.ready = ready
        self.patience = stop
        self.environment = {**environment, "PYTHONPATH": str(root)}
        self.logs = logs
        self.running: dict[Path, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.running.values()]

    def pids_of(self, names: Sequence[str]) -> list[int]:
        return [self.running[self.logs / f"{name}.log"].pid for name in names]

    def start(self, name: str, command: Sequence[str], *, pipes: bool = False) -> subprocess.Popen[bytes]:
        """Start a process of the contender, or start it again; with `pipes` its input and output are ours."""
        log = self.logs / f"{name}.log"
        if log in self.running:
            close_pipes(self.running[log])
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        self.running[log] = process
        return process

    def wait_ready(self, names: Sequence[str]) -> float:
        """Wait until each of the named processes has written that it is ready.

        Returns the monotonic time at which the first one was seen to be.
        """
        deadline, waiting, first = time.monotonic() + START, list(names), 0.0
        while waiting:
            if ready := [name for name in waiting if self.ready in (self.logs / f"{name}.log").read_bytes()]:
                first = first or time.monotonic()
                waiting = [name for name in waiting if name not in ready]
                continue
            self.check_alive()
            if time.monotonic() > deadline:
                raise BenchError(f"{waiting[0]} was not ready within {START:g} s; its log is in {self.logs}.")
            time.sleep(LOOK_EVERY)
        return first

    def check_alive(self) -> None:
        """Raise BenchError when a process has ended."""
        for log, process in self.running.items():
            if process.poll() is not None:
                tail = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
                raise BenchError(f"{log.stem} ended with code {process.returncode}: {tail} (the log is {log})")

    def stop(self, names: Sequence[str] | None = None) -> None:
        """End the named processes, or all: by SIGTERM, and by SIGKILL those that take too long."""
        logs = list(self.running) if names is None else [self.logs / f"{name}.log" for name in names]
        ending = [self.running.pop(log) for log in logs]
        for process in ending:
            process.terminate()
        deadline = time.monotonic() + self.patience
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            close_pipes(process)


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in filter(None, (process.stdin, process.stdout)):
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
