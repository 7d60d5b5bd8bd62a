"""The whole local stack of one build, fresh for each turn, with stand-ins that answer at once."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import requests

from config.local.ports import free_port
from config.local.state_dir import StateDir
from tests.bench.environments import run
from tests.bench.errors import BenchError
from tests.bench.processes import ROOT, Processes
from tests.bench.usage import family, tree_milliseconds
from tests.bench.waiting import until

UP = "up"
STOP = 25.0  # seconds that a stack may take to end
STOCK = 1_000_000  # pieces of each product
TIMEOUT = 30.0  # seconds for an answer
WORKER = b"worker@settle"
FINISH_PAUSE = 0.5  # seconds between two looks
OPEN = "SELECT count(*) FROM orders_order WHERE status = 'processing' AND email LIKE 'bench-%'"


@dataclass(frozen=True)
class Side:
    """A build of the shop."""

    name: str
    about: str
    root: Path = ROOT
    history: int | None = None
    """How many orders it has had before; its databases are kept from turn to turn. None: they are new each time."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of its environment, beside the usual ones."""

    @property
    def is_kept(self) -> bool:
        return self.history is not None


@dataclass
class Stack:
    """A running shop."""

    processes: Processes
    addresses: dict[str, str]
    _frozen: list[int] = field(default_factory=list)

    @property
    def site(self) -> str:
        return self.addresses["SITE_URL"]

    @property
    def pid(self) -> int:
        return self.processes.pids[0]

    def cpu(self) -> float:
        """Milliseconds of CPU that all its processes have taken, PostgreSQL, Redis and the stand-ins included."""
        return tree_milliseconds(self.pid)

    def freeze_worker(self) -> None:
        """Let nothing carry orders any more. Raises BenchError when there is no worker."""
        self._frozen = [pid for pid in family(self.pid) if WORKER in command_of(pid)]
        if not self._frozen:
            raise BenchError("The stack has no process that is the worker.")
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the worker go on."""
        for pid in self._frozen:
            os.kill(pid, signal.SIGCONT)
        self._frozen = []

    def finish(self) -> None:
        """Wait until no order of the bench is open. Raises BenchError when none is finished any more."""
        self.thaw()
        with closing(self.connect()) as connection, connection.cursor() as cursor:

            def still_open() -> int:
                cursor.execute(OPEN)
                row = cursor.fetchone()
                return int(row[0]) if row else 0

            first = still_open()
            done = lambda: first - still_open()  # noqa: E731
            until(done, first, FINISH_PAUSE, self.processes.check_alive, "Not all orders were finished")

    def fill(self, rows: int) -> None:
        """Give it a past, when it has no order yet."""
        command = (sys.executable, "-m", "tests.bench.shop.fill", str(rows))
        settings = {"DJANGO_SETTINGS_MODULE": "config.settings"}
        run(command, {**os.environ, **self.addresses, **settings}, what="The shop cannot be filled")

    def fill_stock(self) -> list[str]:
        """Have the warehouse hold enough of every product; their numbers."""
        found = requests.get(f"{self.site}/api/products", timeout=TIMEOUT)
        skus = [str(product["sku"]) for product in found.json()["results"]]
        for sku in skus:
            url = f"{self.addresses['STANDINS_URL']}/warehouse/stock/{sku}"
            requests.put(url, json={"on_hand": STOCK}, timeout=TIMEOUT).raise_for_status()
        return skus

    def connect(self) -> psycopg2.extensions.connection:
        """To the shop's database; every statement is a transaction."""
        connection = psycopg2.connect(self.addresses["DATABASE_URL"], application_name="bench-watch")
        connection.autocommit = True
        return connection


@contextmanager
def running(side: Side, home: Path, logs: Path) -> Iterator[Stack]:
    """Start the stack of that build, on new databases or those that are kept, and stop it. Raises BenchError."""
    is_new = not home.exists()
    ports = {name: str(free_port()) for name in ("PORT", "FLOWER_PORT", "STANDINS_PORT")}
    ours = {"SETTLE_HOME": str(home), "STANDINS_LATENCY": "0"}
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    processes = Processes({**kept, **ours, **ports, **side.settings}, logs, side.root, ready=b"Ready: ", stop=STOP)
    processes.start(UP, (sys.executable, "-m", "config.local", "up"))
    try:
        processes.wait_ready([UP])
        stack = Stack(processes, StateDir(home).read_env())
        if side.history and is_new:
            stack.fill(side.history)
        try:
            yield stack
        finally:
            stack.thaw()
    finally:
        processes.stop()
        if not side.is_kept:
            shutil.rmtree(home, ignore_errors=True)


def command_of(pid: int) -> bytes:
    """Its words, with zeros between; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
