"""A pytest plugin: the participants' stand-ins as they really run, a process with a fresh database for each company."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import requests

from config.local.ports import free_port
from config.local.subprocesses import launch, stop, wait_until
from config.standins.companies import COMPANIES, database_variable

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "sk_test_local"


@dataclass
class Standins:
    """The running stand-ins, as a test talks to them."""

    url: str
    log: Path

    def ledger(self, participant: str, order: str | None = None) -> list[dict[str, Any]]:
        """What the participant really did, oldest first."""
        entries = self._json("GET", f"/{participant}/_ledger", params={"order": order} if order else {})
        return list(entries["results"])

    def fault(self, participant: str, **fault: Any) -> None:
        """`fault("payments", operation="capture", kind="lose_answer", order="S-100001", times=1)`."""
        self._json("POST", f"/{participant}/_faults", json=fault)

    def clear(self) -> None:
        """Take back all faults."""
        for participant in COMPANIES:
            self._call("DELETE", f"/{participant}/_faults")

    def stock(self, sku: str) -> int:
        """The pieces the warehouse can still promise."""
        return int(self._stock()[sku])

    def set_stock(self, sku: str, on_hand: int) -> None:
        self._call("PUT", f"/warehouse/stock/{sku}", json={"on_hand": on_hand})

    def _stock(self) -> dict[str, int]:
        return {row["sku"]: row["available"] for row in self._json("GET", "/warehouse/stock")["results"]}

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._call(method, path, **options).json()

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = requests.request(method, f"{self.url}{path}", timeout=10, **options)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response


@pytest.fixture(scope="session")
def standins_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standins]:
    """Migrated, seeded and answering."""
    with running(tmp_path_factory.mktemp("standins") / "log") as standins:
        yield standins


@contextmanager
def running(
    log: Path, *, prefix: str = "test_standins", told: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Standins]:
    """Stand-ins on databases whose names begin so; `told` is what their environment says more."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **fresh_databases(prefix), "PYTHONPATH": path, **told}
    for job in ("migrate", "seed"):
        subprocess.run([*PROGRAM, job], env=environment, check=True, cwd=ROOT)
    port = free_port()
    standins = Standins(f"http://127.0.0.1:{port}", log)
    commands = ([*PROGRAM, "serve", "--port", str(port)], [*PROGRAM, "upkeep"])
    with log.open("ab") as output:
        processes = [launch(one, output, dies_by=signal.SIGTERM, environment=environment) for one in commands]
    try:
        wait_until(lambda: answers(standins.url), processes[0], what="The stand-ins", log=log)
        yield standins
    finally:
        for process in processes:
            stop(process, signal.SIGTERM)


@pytest.fixture
def standins(
    standins_process: Standins, settings: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Standins]:
    """The stand-ins, without faults; this process and those it starts call them. A failed test shows their log."""
    for name, value in addresses(standins_process.url).items():
        setattr(settings, name, value)
        monkeypatch.setenv(name, value)
    standins_process.clear()
    start = standins_process.log.stat().st_size
    yield standins_process
    written = standins_process.log.read_bytes()[start:].decode(errors="replace")
    request.node.add_report_section("call", "stand-ins", written[-20_000:])


def addresses(url: str) -> dict[str, str]:
    """The settings by which the shop calls the stand-ins there."""
    companies = ("warehouse", "carrier", "flight", "hotel")
    return {
        "STANDINS_URL": url,
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_API_BASE": f"{url}/payments",
        **{f"{company.upper()}_URL": f"{url}/{company}" for company in companies},
    }


def fresh_databases(prefix: str = "test_standins") -> dict[str, str]:
    """An empty database for each participant on the test's server, as the environment that names them."""
    admin = urlsplit(os.environ["DATABASE_URL"])
    environment = {}
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        for participant in COMPANIES:
            name = f"{prefix}_{participant}"
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
            environment[database_variable(participant)] = urlunsplit(admin._replace(path=f"/{name}"))
    connection.close()
    return environment


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


PROGRAM = (sys.executable, "-m", "config.standins")
