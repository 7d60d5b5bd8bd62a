"""What must be there before the first round: the rivals' environments, and databases."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from .errors import BenchError
from .processes import ROOT

LOCKS = ROOT / "tests" / "bench"
MAKE = ("-m", "venv", "--clear")
OLDEST = (3, 11)


def install(rival: str, venvs: Path, oldest: tuple[int, int] = OLDEST) -> None:
    """Make the rival's virtual environment from its lock, unless it is there. Raises BenchError.

    `oldest` is the first Python that the rival runs on; one that has it is looked for when ours is older.
    """
    lock, venv = LOCKS / f"{rival}.txt", venvs / rival
    stamp, digest = venv / ".installed", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    what = f"{rival} cannot be installed"
    run((python_since(oldest, rival), *MAKE, str(venv)), what=what)
    options = ("--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes", "-r", str(lock))
    run((str(venv / "bin" / "python"), "-m", "pip", "install", *options), what=what)
    stamp.write_text(digest)


def python_since(oldest: tuple[int, int], rival: str) -> str:
    """Our own Python, or the next younger one on this machine that works. Raises BenchError."""
    if sys.version_info[:2] >= oldest:
        return sys.executable
    for candidate in pythons():
        done = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        found = re.match(r"Python (\d+)\.(\d+)", done.stdout)
        if done.returncode == 0 and found and (int(found[1]), int(found[2])) >= oldest:
            return candidate
    wanted = ".".join(map(str, oldest))
    raise BenchError(f"{rival} needs Python {wanted} or later, and none is here: put a python{wanted} on the PATH.")


def python_of(venv: Path) -> str:
    """The version of Python that an environment has; empty when it is not there."""
    try:
        found = re.search(r"^version\s*=\s*(\S+)", (venv / "pyvenv.cfg").read_text(), re.MULTILINE)
    except FileNotFoundError:
        return ""
    return found[1] if found else ""


def pythons() -> Iterator[str]:
    """Those on the PATH, then those that pyenv keeps and shows only to who chose them; older ones first."""
    names = [f"python3.{minor}" for minor in range(11, 16)]
    yield from filter(None, map(shutil.which, names))
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in names:
        yield from map(str, sorted(kept.glob(f"*/bin/{name}")))


def create_database(server_url: str, name: str, template: str = "template1") -> str:
    """Make the database anew; its URL."""
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    connection.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def migrate(url: str, settings: str, environment: Mapping[str, str], root: Path = ROOT) -> None:
    """Make the tables of the code at `root` in a database; `settings` is a module of Django's. Raises BenchError."""
    command = (sys.executable, "manage.py", "migrate", "--verbosity", "0")
    theirs = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": str(root)}
    run(command, {**environment, **theirs}, what="The tables cannot be made", root=root)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, what: str, root: Path = ROOT) -> None:
    """Run a command in `root` to its end; raise BenchError with its last words when it fails."""
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())[-400:]
        raise BenchError(f"{what}: {words}")
