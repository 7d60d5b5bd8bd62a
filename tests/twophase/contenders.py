"""The two ways, each with two processes of so many threads: one that is killed, and one that lives on."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from redis import Redis

from tests.bench.errors import BenchError
from tests.bench.processes import Processes
from tests.bench.sagas.contenders import CELERY, WORKER

from .databases import SETTINGS
from .order import AT_ONCE, STOCK_FIRST, STOCK_LAST, Order

PAIR = ("a", "b")


class Contender(Protocol):
    """One way to carry out an order."""

    name: str
    about: str
    needs_log: bool
    """Whether what a dead process left can be settled only by that process's own log."""

    def start(self, environment: dict[str, str], folder: Path) -> None:
        """Start its processes, and return when they are ready. Logs and files go to `folder`."""

    def place(self, order: Order) -> None:
        """Hand an order over to a process that lives; one that shall die goes to the first."""

    def has_died(self) -> bool:
        """Whether one of the two has been killed. Raises BenchError when it ended in another way."""

    def restart(self, *, lose_log: bool = False) -> None:
        """Start the killed one again, and do not wait for it."""

    def stop(self) -> None: ...


class Ways:
    """What both have in common: the processes, and which of them is dead."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def start(self, environment: dict[str, str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.processes = Processes(environment, folder)
        self.pair: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def has_died(self) -> bool:
        ended = [one for one in self.pair.values() if one.poll() is not None]
        for one in ended:
            if one.returncode != -9:
                self.processes.check_alive()
        return bool(ended)

    def stop(self) -> None:
        self.processes.stop()

    def dead(self) -> str:
        return next(name for name, one in self.pair.items() if one.poll() is not None)

    def _start(self) -> None:
        raise NotImplementedError


class TwoPhase(Ways):
    """Two coordinators, each with its log."""

    needs_log = True

    def __init__(self, name: str, about: str, how: str, threads: int) -> None:
        super().__init__(threads)
        self.name, self.about, self.how = name, about, how

    def place(self, order: Order) -> None:
        living = [name for name in PAIR if self.pair[name].poll() is None]
        send(self.pair["a" if order.dies_at else living[next(self.turn) % len(living)]], order)

    def restart(self, *, lose_log: bool = False) -> None:
        name = self.dead()
        if lose_log:
            self._log(name).unlink()
        self._coordinator(name)

    def _start(self) -> None:
        self.turn = itertools.count()
        for name in PAIR:
            self._log(name).unlink(missing_ok=True)
            self._coordinator(name)
        for name in PAIR:
            wait_ready(self.pair[name], name)

    def _coordinator(self, name: str) -> None:
        command = (
            sys.executable,
            "-m",
            "tests.twophase.commit.serve",
            str(self._log(name)),
            str(self.threads),
            self.how,
        )
        self.pair[name] = self.processes.start(f"coordinator-{name}", command, pipes=True)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.coordinator"


class Saga(Ways):
    """Two workers of the engine, relay, beat, and a process that places orders, as in the real stack."""

    needs_log = False
    name = "saga"
    about = "the project's engine with its defaults and the checkout's time-outs"

    def place(self, order: Order) -> None:
        send(self.submitter, order)

    def restart(self, *, lose_log: bool = False) -> None:
        self._worker(self.dead())

    def _start(self) -> None:
        with Redis.from_url(self.processes.environment["REDIS_URL"]) as redis:
            redis.flushall()
        self.processes.environment["DJANGO_SETTINGS_MODULE"] = SETTINGS
        self.processes.start("beat", self._celery("beat"))
        self.processes.start("relay", self._celery("worker", *WORKER, *worker_options("upkeep", 4, "relay")))
        for name in PAIR:
            self._worker(name)
        self.submitter = self.processes.start("submit", (sys.executable, "-m", "tests.twophase.submit"), pipes=True)
        self.processes.wait_ready([f"worker-{name}" for name in PAIR])
        wait_ready(self.submitter, "submit")

    def _worker(self, name: str) -> None:
        command = self._celery("worker", *WORKER, *worker_options("sagas", self.threads, name))
        self.pair[name] = self.processes.start(f"worker-{name}", command)

    def _celery(self, *arguments: str) -> Sequence[str]:
        return (sys.executable, *CELERY, "config", *arguments)


def worker_options(queue: str, threads: int, name: str) -> tuple[str, ...]:
    return ("-Q", queue, "-c", str(threads), "-n", f"{name}@twophase")


def contenders(threads: int) -> dict[str, Contender]:
    """All of them, in the order of the table."""
    first = "the piece is taken, then the card is charged, then both commit"
    last = "the card is charged, then the piece is taken, so that its row is locked as briefly as can be"
    everyone: list[Contender] = [
        TwoPhase("2pc_stock_first", first, STOCK_FIRST, threads),
        TwoPhase("2pc_at_once", "both databases are asked at once", AT_ONCE, threads),
        TwoPhase("2pc_stock_last", last, STOCK_LAST, threads),
        Saga(threads),
    ]
    return {one.name: one for one in everyone}


def send(process: subprocess.Popen[bytes], order: Order) -> None:
    assert process.stdin is not None
    process.stdin.write(order.as_line())
    process.stdin.flush()


def wait_ready(process: subprocess.Popen[bytes], name: str) -> None:
    """Return when it has said so on its output."""
    assert process.stdout is not None
    if process.stdout.readline() != b"ready.\n":
        raise BenchError(f"{name} did not start; its log is beside the others.")
