"""`sagas/` and `outbox/` alone in a bare Django project, set up as `sagas/README.md` says: its code, word for word."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.support.workers import ROOT, until

BLOCKS = re.findall(r"```(?:python)?\n(.*?)```", (ROOT / "sagas" / "README.md").read_text(), re.DOTALL)
CLIENT = """
import pathlib
BOOK = pathlib.Path(__file__).with_suffix(".log")
def write(*words):
    with BOOK.open("a") as file:
        print(*words, file=file)
"""
AIRLINE = f"""{CLIENT}
def book(traveller, key):
    write("booked", traveller, key)
    return "seat 1A"
def cancel(key):
    write("cancelled", key)
"""
BANK = f"""{CLIENT}
def charge(traveller, key):
    write("asked for", traveller)
    return traveller != "bob"
"""
DATABASE = """
DATABASES = {{"default": {{"ENGINE": "django.db.backends.postgresql", "NAME": {NAME!r}, "USER": {USER!r},
                         "PASSWORD": {PASSWORD!r}, "HOST": {HOST!r}, "PORT": {PORT!r}}}}}
"""
STATES = """
import json
from sagas.models import Run
print(json.dumps(dict(Run.objects.values_list("key", "status"))))
"""
ADMIN = """
from django.contrib.auth.models import User
from django.test import Client
from sagas.models import Run
client = Client(headers={"host": "localhost"})
client.force_login(User.objects.create_superuser("ann", password="x"))
run = Run.objects.get(key="trip:2")
for url in ("/admin/sagas/run/", f"/admin/sagas/run/{run.pk}/change/"):
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
assert b"bob" in answer.content, "the run's own page says whose it is"
print("seen")
"""


def block(name: str) -> str:
    """The README's block that begins with a comment naming it."""
    found: list[str] = [text for text in BLOCKS if text.startswith((f"# {name}", name))]
    assert len(found) == 1, f"{len(found)} blocks of the guide begin with {name}"
    return found[0]


class Project:
    """A bare project in a folder of its own; nothing else of ours can be imported there."""

    def __init__(self, folder: Path, database: str, redis: str) -> None:
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder)}
        self.run("-m", "django", "startproject", "project", ".")
        self.run("manage.py", "startapp", "trips")
        for app in ("sagas", "outbox"):
            shutil.copytree(ROOT / app, folder / app, ignore=shutil.ignore_patterns("__pycache__"))
        at = connection.settings_dict
        with (folder / "project" / "settings.py").open("a") as settings:
            settings.write(block("settings.py").replace("redis://localhost:6379/0", redis))
            settings.write(DATABASE.format(**{**at, "NAME": database}))
        (folder / "project" / "celery.py").write_text(block("celery.py"))
        (folder / "project" / "__init__.py").write_text("from .celery import app\n")
        (folder / "trips" / "sagas.py").write_text(block("trips/sagas.py"))
        (folder / "trips" / "tests.py").write_text(block("trips/tests.py"))
        (folder / "trips" / "airline.py").write_text(AIRLINE)
        (folder / "trips" / "bank.py").write_text(BANK)

    def run(self, *arguments: str, told: bool = False) -> str:
        """Run Python in the project; what it printed, with `told` what it told on stderr instead."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stderr if told else done.stdout

    def shell(self, code: str) -> str:
        return self.run("manage.py", "shell", "-v", "0", "-c", code)

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *command],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@pytest.fixture
def project(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[Project]:
    from django.conf import settings
    from redis import Redis

    database = f"lift_{os.getpid()}"
    redis = urlunsplit(urlsplit(settings.REDIS_URL)._replace(path="/9"))
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {database}")
        with Redis.from_url(redis) as client:
            client.flushdb()
        yield Project(tmp_path, database, redis)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {database} WITH (FORCE)")


def test_the_guide_works_in_a_bare_project(project: Project):
    prepare, serve = block("python manage.py migrate").strip().splitlines()
    for command in prepare.split(" && "):
        project.run(*command.removeprefix("python ").split())
    start = block("wherever the trip is accepted")
    project.shell(start)
    project.shell(start.replace('"ann"', '"bob"').replace("trip:1", "trip:2"))
    worker = project.start(serve.split())
    try:
        expected = {"trip:1": "completed", "trip:2": "compensated"}
        until(lambda: json.loads(project.shell(STATES)) == expected, 90, what=f"both trips end as {expected}")
    except BaseException:
        print((project.folder / "worker.log").read_text())  # noqa: T201 - why it did not
        raise
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    booked = (project.folder / "trips" / "airline.log").read_text().split()
    assert booked.count("booked") == 2
    assert booked[-2:] == ["cancelled", booked[booked.index("bob") + 1]], "bob's flight, by the key it was booked under"
    assert project.shell(ADMIN).strip() == "seen"
    assert "Ran 2 tests" in project.run("manage.py", "test", told=True)
    assert "No changes detected" in project.run("manage.py", "makemigrations", "--check", "--dry-run")


def test_neither_app_imports_the_shop():
    for app in ("sagas", "outbox"):
        for file in (ROOT / app).rglob("*.py"):
            assert not re.search(r"^\s*(from|import) (orders|config)\b", file.read_text(), re.MULTILINE), file
