"""Keeps processes running: prints their output, restarts those that die, and stops them all together.

Runs in one thread, because a child's parent-death signal comes when the thread that forked it ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Iterable, Mapping

from ..errors import LocalStackError
from .console import Console
from .process import QUICK_DEATHS, Child
from .stack import Job, Part

STOP_PATIENCE = 8.0  # seconds for a worker to finish its running tasks


class Supervisor:
    def __init__(self, console: Console, environment: Mapping[str, str]) -> None:
        self._console = console
        self._environment = environment
        self._selector = selectors.DefaultSelector()
        self._children: list[Child] = []
        self._jobs: list[Child] = []
        self._all_were_ready = False

    def start(self, part: Part) -> None:
        """Start a process and keep it running."""
        self._children.append(self._watch(Child(part, self._environment)))

    def run(self, jobs: Iterable[Job]) -> None:
        """Run all jobs at once, to their ends. Raises LocalStackError with the output of a job that failed.

        A job's output is shown only then."""
        self._jobs = [self._watch(Child(job, self._environment)) for job in jobs]
        while any(job.is_alive() for job in self._jobs):
            self.tick(0.05)
        for job in self._jobs:
            self._drain(job)
            self._forget(job)
            if job.process.returncode:
                output = "\n".join(job.tail)
                raise LocalStackError(f"`{_spoken(job.part)}` ended with code {job.process.returncode}:\n{output}")
        self._jobs = []

    def wait_until_ready(self, parts: Iterable[Part], seconds: float) -> None:
        """Return when every part is ready. Raises LocalStackError with the names of those that are not in time."""
        waiting, deadline = list(parts), time.monotonic() + seconds
        while waiting:
            for part in [part for part in waiting if part.is_ready()]:
                waiting.remove(part)
                self._console.say(f"  {part.name} answers")
            if waiting and time.monotonic() > deadline:
                names = ", ".join(part.name for part in waiting)
                raise LocalStackError(f"No answer within {seconds:.0f} s from: {names}. See its lines above.")
            self.tick(0.1)
        self._all_were_ready = True

    def tick(self, seconds: float) -> None:
        """Print output for at most `seconds`, and restart dead processes.

        Raises LocalStackError when a process keeps dying before all were ready once. After that it is restarted without
        end, with growing pauses: what it misses may come back, and stopping the others would not help.
        """
        for key, _ in self._selector.select(seconds):
            self._pass_on(key.data)
        for child in self._children:
            if not child.is_alive():
                self._see_to(child)

    def stop(self) -> None:
        """Send SIGTERM to all, and kill those that have not ended after STOP_PATIENCE seconds."""
        everybody = [*self._children, *self._jobs]
        for child in everybody:
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE
        while any(child.is_alive() for child in everybody) and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.05):
                self._pass_on(key.data)
        self.kill()

    def kill(self) -> None:
        """Kill all that are left, with their own children."""
        for child in [*self._children, *self._jobs]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self._drain(child)
            self._forget(child)
            child.give_up_port()
        self._children, self._jobs = [], []

    def _watch(self, child: Child) -> Child:
        self._selector.register(child.output, selectors.EVENT_READ, child)
        return child

    def _forget(self, child: Child) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(child.output)
        child.close()

    def _drain(self, child: Child) -> None:
        with contextlib.suppress(OSError):
            while self._show(child):
                pass

    def _pass_on(self, child: Child) -> None:
        if not self._show(child) and not child.is_alive():
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.output)  # the pipe is closed, and would count as readable for ever

    def _show(self, child: Child) -> bool:
        lines = child.read_lines()
        if isinstance(child.part, Part):
            for line in lines:
                self._console.log(child.name, line)
        return bool(lines)

    def _see_to(self, child: Child) -> None:
        if child.restart_at == 0.0:
            self._drain(child)
            wait = child.note_death()
            if child.is_hopeless() and not self._all_were_ready:
                raise LocalStackError(
                    f"{child.name} ended {QUICK_DEATHS} times within seconds of its start "
                    f"(last with code {child.process.returncode}), so everything stops. See its lines above."
                )
            self._console.say(f"{child.name} ended with code {child.process.returncode}; it starts again in {wait:g} s")
        elif time.monotonic() >= child.restart_at:
            self._forget(child)
            child.restart_at = 0.0
            child.start()
            self._watch(child)


def _signal(child: Child, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.process.send_signal(signum)


def _spoken(part: Part | Job) -> str:
    return " ".join(["python", *part.command[1:]])
