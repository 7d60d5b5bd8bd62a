"""What must be there before the first round: the rivals' environments, and a database for each contender."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from config.local.postgres import bindir

from .contenders import Contender
from .errors import BenchError
from .processes import ROOT

LOCKS = ROOT / "tests" / "bench"
MAKE = ("-m", "venv", "--clear")


def install(rival: str, venvs: Path) -> None:
    """Make the rival's virtual environment from its lock, unless it is there. Raises BenchError."""
    lock, venv = LOCKS / f"{rival}.txt", venvs / rival
    stamp, digest = venv / ".installed", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    what = f"{rival} cannot be installed"
    run((sys.executable, *MAKE, str(venv)), what=what)
    options = ("--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes", "-r", str(lock))
    run((str(venv / "bin" / "python"), "-m", "pip", "install", *options), what=what)
    stamp.write_text(digest)


def create_database(server_url: str, name: str, template: str = "template1") -> str:
    """Make the database anew; its URL."""
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    connection.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def migrate(url: str, environment: Mapping[str, str]) -> None:
    """Make our tables."""
    settings = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.bench.sagas.settings"}
    command = (sys.executable, "manage.py", "migrate", "--verbosity", "0")
    run(command, {**environment, **settings}, what="The engine's tables cannot be made")


def prepare(contender: Contender, url: str, venvs: Path, environment: Mapping[str, str]) -> None:
    """Make a rival's tables and its queue."""
    if contender.rival == "absurd":
        path = os.pathsep.join([str(bindir()), environment.get("PATH", "")])  # it needs psql
        ctl = str(venvs / "absurd" / "bin" / "absurdctl")
        for arguments in (("init",), ("create-queue", "bench")):
            run((ctl, *arguments, "-d", url), {**environment, "PATH": path}, what="absurd's tables cannot be made")
    if contender.rival == "dbos":
        command = (
            str(venvs / "dbos" / "bin" / "dbos"),
            "migrate",
            "--sys-db-url",
            url.replace("postgres://", "postgresql://", 1),
        )
        run(command, environment, what="DBOS's tables cannot be made")


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, what: str) -> None:
    """Run a command to its end; raise BenchError with its last words when it fails."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())[-400:]
        raise BenchError(f"{what}: {words}")
