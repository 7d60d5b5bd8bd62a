"""One supervised process and its output lines."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping

from ..ports import listening
from ..subprocesses import launch
from .stack import LISTENING, Job, Part

QUICK = 10.0  # seconds; a process that dies sooner than this after its start counts as a quick death
QUICK_DEATHS = 5
LONGEST_WAIT = 30.0  # seconds before a restart
TAIL = 30  # last lines kept, to explain a failure


class Child:
    """A running part or job. It finds its name in the variable `SETTLE_PROCESS`."""

    def __init__(self, part: Part | Job, environment: Mapping[str, str]) -> None:
        self.part = part
        self.name = part.name
        self.quick_deaths = 0
        self.restart_at = 0.0
        self.tail: list[str] = []
        own = part.environment if isinstance(part, Part) else {}
        self._environment = {**environment, **own, "SETTLE_PROCESS": part.name}
        self._port = listening(part.port) if isinstance(part, Part) and part.port is not None else None
        self.start()

    def start(self) -> None:
        """Start it. It is killed when we die; its unfinished work is safe in PostgreSQL."""
        held = [] if self._port is None else [self._port.fileno()]
        command = [f"fd://{held[0]}" if word == LISTENING else word for word in self.part.command]
        self.process = launch(
            command,
            subprocess.PIPE,
            dies_by=signal.SIGKILL,
            environment=self._environment,
            hand_over=held,
            niceness=self.part.niceness if isinstance(self.part, Part) else 0,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout.fileno()
        os.set_blocking(self.output, False)
        self.started_at = time.monotonic()
        self._unfinished = b""

    def read_lines(self) -> list[str]:
        """The complete lines since the last call; at the end of the output also an incomplete one."""
        try:
            chunk = os.read(self.output, 65536)
        except BlockingIOError:
            return []
        *whole, self._unfinished = (self._unfinished + chunk).split(b"\n")
        if not chunk and self._unfinished:
            whole, self._unfinished = [*whole, self._unfinished], b""
        lines = [line.decode(errors="replace").rstrip("\r") for line in whole]
        self.tail = [*self.tail, *lines][-TAIL:]
        return lines

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def note_death(self) -> float:
        """Schedule the restart, later after each quick death; returns the seconds to wait."""
        lived = time.monotonic() - self.started_at
        self.quick_deaths = self.quick_deaths + 1 if lived < QUICK else 1
        wait = min(0.5 * 2.0 ** (self.quick_deaths - 1), LONGEST_WAIT)
        self.restart_at = time.monotonic() + wait
        return wait

    def is_hopeless(self) -> bool:
        """Whether it has died quickly QUICK_DEATHS times in a row.

        A process that has run before may only miss a database or a disk."""
        return self.quick_deaths >= QUICK_DEATHS

    def close(self) -> None:
        """Close the pipe of its output."""
        if self.process.stdout is not None:
            self.process.stdout.close()

    def give_up_port(self) -> None:
        """Close its port for good: it will not restart, so clients are refused."""
        if self._port is not None:
            self._port.close()
