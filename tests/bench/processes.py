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
START = 60.0  # seconds a process may take until it says that it is ready
STOP = 6.0  # seconds it may take to end


class Processes:
    """Started one by one; `stop` ends them all."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self.environment = {**environment, "PYTHONPATH": str(ROOT)}
        self.logs = logs
        self.running: dict[Path, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.running.values()]

    def start(self, name: str, command: Sequence[str], *, pipes: bool = False) -> subprocess.Popen[bytes]:
        """Start a process of the contender, or start it again; with `pipes` its input and output are ours."""
        log = self.logs / f"{name}.log"
        if log in self.running:
            close_pipes(self.running[log])
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        self.running[log] = process
        return process

    def wait_ready(self, names: Sequence[str]) -> None:
        """Wait until each of the named processes has written that it is ready."""
        deadline = time.monotonic() + START
        for name in names:
            log = self.logs / f"{name}.log"
            while b"ready." not in log.read_bytes():
                self.check_alive()
                if time.monotonic() > deadline:
                    raise BenchError(f"{name} was not ready within {START:g} s; its log is {log}.")
                time.sleep(0.05)

    def check_alive(self) -> None:
        """Raise BenchError when a process has ended."""
        for log, process in self.running.items():
            if process.poll() is not None:
                tail = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
                raise BenchError(f"{log.stem} ended with code {process.returncode}: {tail} (the log is {log})")

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        deadline = time.monotonic() + STOP
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            close_pipes(process)
        self.running.clear()


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in filter(None, (process.stdin, process.stdout)):
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
