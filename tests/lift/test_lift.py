"""Both apps, from wheels, in a bare Django project, set up as `sagas/README.md` says: its code, word for word."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.lift import wheels
from tests.support.workers import ROOT, until

pytestmark = pytest.mark.timeout(600)  # the first to ask for an environment makes it
BLOCKS = re.findall(r"```(?:python)?\n(.*?)```", (ROOT / "sagas" / "README.md").read_text(), re.DOTALL)
EVERY_DAY = (
    ("check", "--database", "default"),
    ("saga", "list", "--status", "compensated"),
    ("saga", "show", "trip:trip:2"),
    ("prune_sagas",),
    ("shell", "-c", "from outbox.maintenance.prune import prune; prune()"),
)
"""Commands that read and keep the tables, whatever driver and whatever Django."""
BLOCKS_OF_THE_OUTBOX = re.findall(r"```python\n(.*?)```", (ROOT / "outbox" / "README.md").read_text(), re.DOTALL)
SHOP = {
    "events.py": "",
    "subscribers.py": "from .events import OrderPlaced\n",
    "services.py": "from django.db import transaction\nfrom .events import OrderPlaced\nfrom .models import Order\n",
}
"""What its files import of each other and of Django."""
ORDER = """
from django.db import models

class Order(models.Model):
    number = models.CharField(max_length=20)
"""
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
for url in ("/admin/", "/admin/sagas/run/find/?q=trip", "/admin/sagas/run/", f"/admin/sagas/run/{run.pk}/change/"):
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
assert b"bob" in answer.content, "the run's own page says whose it is"
print("seen")
"""
VERSIONS = """
import django
from django.db.backends.postgresql import psycopg_any
print(django.VERSION[0], psycopg_any.errors.__name__)
"""
TYPED = """
from dataclasses import dataclass
from outbox import publish
from sagas import Saga, Step, StepContext

@dataclass(frozen=True)
class Trip:
    who: str

trip = Saga[Trip]("trip", version=1)

@trip.step(undo=None)
def book(ctx: StepContext[Trip]) -> str:
    reveal_type(ctx.input.who)
    return ctx.input.whom

reveal_type(book)
"""


def block(name: str) -> str:
    """The README's block that begins with a comment naming it."""
    found: list[str] = [text for text in BLOCKS if text.startswith((f"# {name}", name))]
    assert len(found) == 1, f"{len(found)} blocks of the guide begin with {name}"
    return found[0]


class Project:
    """A bare project in a folder of its own; of ours only what is installed can be imported there."""

    def __init__(self, folder: Path, python: Path, database: str, redis: str) -> None:
        self.folder, self.python = folder, python
        self.environment = wheels.bare(folder)
        self.run("-m", "django", "startproject", "project", ".")
        self.run("manage.py", "startapp", "trips")
        at = connection.settings_dict
        self.settings = folder / "project" / "settings.py"
        self.given = self.settings.read_text() + DATABASE.format(**{**at, "NAME": database})
        self.broker = redis
        self.guide = block("settings.py")
        self.set(self.guide)
        (folder / "project" / "celery.py").write_text(block("celery.py"))
        (folder / "project" / "__init__.py").write_text("from .celery import app\n")
        (folder / "trips" / "sagas.py").write_text(block("trips/sagas.py"))
        (folder / "trips" / "tests.py").write_text(block("trips/tests.py"))
        (folder / "trips" / "airline.py").write_text(AIRLINE)
        (folder / "trips" / "bank.py").write_text(BANK)

    def set(self, lines: str) -> None:
        """Have these at the end of the settings."""
        self.settings.write_text(self.given + lines.replace("redis://localhost:6379/0", self.broker))

    def run(self, *arguments: str, told: bool = False) -> str:
        """Run Python in the project; what it printed, with `told` what it told on stderr instead."""
        done = subprocess.run(
            [self.python, "-W", "ignore", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stderr if told else done.stdout

    def check(self) -> str:
        """All that `manage.py check` says, whatever it exits with, in one line."""
        command: list[str | Path] = [self.python, "manage.py", "check"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        return " ".join((done.stdout + done.stderr).split())

    def shell(self, code: str) -> str:
        return self.run("manage.py", "shell", "-v", "0", "-c", code)

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("wb") as log:
            return subprocess.Popen(
                [self.python, "-W", "ignore", "-m", *command],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of each app."""
    return wheels.built(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def on_django_5(tmp_path_factory: pytest.TempPathFactory, built: dict[str, Path]) -> Path:
    """The Python that runs the tests, with the apps, Django 5.2 and psycopg 2."""
    python = wheels.environment(tmp_path_factory.mktemp("django5") / "venv", "django5")
    wheels.install(python, built, [word.replace("psycopg[binary]", "psycopg2-binary") for word in installed()])
    return python


@pytest.fixture(scope="session")
def on_django_6(tmp_path_factory: pytest.TempPathFactory, built: dict[str, Path]) -> Path:
    """The newest Python here, with the apps, the newest Django and psycopg 3."""
    python = wheels.environment_of_newest(tmp_path_factory.mktemp("django6"), "django6", oldest=(3, 12))
    if python is None:
        pytest.skip("Django 6 needs Python 3.12 or later, and none is here.")
    wheels.install(python, built, installed())
    return python


def installed() -> list[str]:
    """What the guide has pip install."""
    command = shlex.split(block("pip install"), comments=True)
    assert command[:2] == ["pip", "install"]
    return command[2:]


def made(folder: Path, python: Path, blocker: Any) -> Iterator[Project]:
    """A project that has PostgreSQL and Redis databases to itself."""
    from django.conf import settings
    from redis import Redis

    database = f"lift_{os.getpid()}_{folder.name}".lower()
    redis = urlunsplit(urlsplit(settings.REDIS_URL)._replace(path="/9"))
    with blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{database}"')
        with Redis.from_url(redis) as client:
            client.flushdb()
        yield Project(folder, python, database, redis)
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


@pytest.fixture(params=["on_django_5", "on_django_6"])
def project(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any, tmp_path: Path
) -> Iterator[Project]:
    yield from made(tmp_path, request.getfixturevalue(request.param), django_db_blocker)


@pytest.fixture(scope="module")
def forgetful(
    on_django_5: Path, django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """One whose settings a test writes anew."""
    yield from made(tmp_path_factory.mktemp("forgetful"), on_django_5, django_db_blocker)


def test_the_guide_works_in_a_bare_project(project: Project):
    assert len(lines(project.guide)) <= 15
    prepare, serve = block("python manage.py migrate").strip().splitlines()
    for command in prepare.split(" && "):
        told = project.run(*command.removeprefix("python ").split())
    assert "no issues" in told
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
    for arguments in EVERY_DAY:
        project.run("manage.py", *arguments)
    assert "Ran 2 tests" in project.run("manage.py", "test", told=True)
    assert "No changes detected" in project.run("manage.py", "makemigrations", "--check", "--dry-run")


def test_the_guide_of_the_outbox_alone_works_too(forgetful: Project):
    text = (ROOT / "outbox" / "README.md").read_text()
    (given,) = re.findall(r"```python\n( +from outbox.schedule.*?)```", text, re.DOTALL)
    settings = textwrap.dedent(given)
    assert len(lines(settings)) <= 15
    forgetful.run("manage.py", "startapp", "shop")
    shop = forgetful.folder / "shop"
    head, *files = re.split(r"^# shop/(\w+\.py)$", BLOCKS_OF_THE_OUTBOX[0], flags=re.MULTILINE)
    for name, code in zip(files[::2], files[1::2], strict=True):
        (shop / name).write_text(SHOP[name] + head + code)
    (shop / "models.py").write_text(ORDER)
    forgetful.set(settings + '\nINSTALLED_APPS += ["shop"]\n')
    forgetful.run("manage.py", "makemigrations", "shop")
    forgetful.run("manage.py", "migrate")
    assert "no issues" in forgetful.run("manage.py", "check")
    forgetful.shell("from shop.services import place; place('o-1')")
    serve = block("python manage.py migrate").strip().splitlines()[1].replace("sagas,", "")
    worker = forgetful.start(serve.split())
    log = forgetful.folder / "worker.log"
    try:
        until(lambda: "Thank you for o-1" in log.read_text(), 90, what="the receipt is written")
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


@pytest.mark.parametrize(
    ("lifted", "expected"), [("on_django_5", ["5", "psycopg2"]), ("on_django_6", ["6", "psycopg"])]
)
def test_each_environment_is_what_it_is_called_and_lacks_nothing(
    request: pytest.FixtureRequest, lifted: str, expected: list[str]
):
    python: Path = request.getfixturevalue(lifted)
    told = wheels.run(python, "-c", VERSIONS).split()
    assert [told[0], told[1].partition(".")[0]] == expected
    wheels.run(*wheels.PIP, "--python", python, "check")


def test_a_type_checker_sees_what_a_step_is_given_and_returns(on_django_5: Path, tmp_path: Path):
    (tmp_path / "typed.py").write_text(TYPED)
    options = ("--strict", "--python-executable", str(on_django_5), "--cache-dir", str(tmp_path), "--config-file=")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "typed.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == [
        "builtins.str",
        "sagas.declare.step.Step[typed.Trip, builtins.str]",
    ]
    assert '"Trip" has no attribute "whom"' in done.stdout
    assert "import-untyped" not in done.stdout


CALL = 'globals().update(celery_settings("redis://localhost:6379/0"))'
PARTS = "from sagas.schedule import ROUTES, SCHEDULE\nCELERY_BROKER_URL = 'redis://localhost:6379/0'\n"


@pytest.mark.parametrize(
    ("guide", "forgetting", "sentences"),
    [
        ('"outbox", ', "", ['INSTALLED_APPS lacks "outbox"']),
        ('"sagas", ', "", ['INSTALLED_APPS lacks "sagas"']),
        ('"outbox", "sagas", ', "", ['INSTALLED_APPS lacks "outbox"', 'INSTALLED_APPS lacks "sagas"']),
        (', "trips"', "", ["No app of INSTALLED_APPS declares a saga. HINT: Declare one in an app's `sagas.py`"]),
        (
            "MIDDLEWARE.insert",
            "# MIDDLEWARE.insert",
            ["Requests have no id of ours", 'HINT: Put "outbox.middleware.TraceMiddleware" first in MIDDLEWARE.'],
        ),
        (
            CALL,
            "",
            [
                "There is no doorbell",
                "No broker is named: Celery looks for a RabbitMQ on this machine. HINT: Set CELERY_BROKER_URL",
                "Nothing runs the relay",
                "Nothing runs outbox.prune",
                "outbox.deliver, outbox.deliver_open, outbox.prune, outbox.relay have no route",
                "Nothing runs the sweep",
                "sagas.alerts, sagas.bulk, sagas.canary, sagas.prune, sagas.run_step, sagas.schedules, sagas.sweep, "
                "sagas.take, sagas.tally, sagas.undo_step, sagas.wake_parent have no route",
            ],
        ),
        (
            CALL,
            PARTS + "CELERY_TASK_ROUTES = ROUTES",
            [
                "No visibility_timeout is set: what a killed worker had in hand comes back after 3600 s.",
                "Nothing runs the relay",
                "Nothing runs sagas.bulk",
                "Nothing runs sagas.prune",
            ],
        ),
        (
            CALL,
            PARTS + "CELERY_BEAT_SCHEDULE = SCHEDULE",
            ["outbox.relay have no route: they wait in the queue celery"],
        ),
        ("redis://localhost:6379/0", "amqp://localhost", ["There is no doorbell"]),
        (
            CALL,
            PARTS.replace("redis://localhost:6379/0", "amqp://localhost"),
            ["RabbitMQ is not asked to confirm: what it could not take is lost without a word."],
        ),
    ],
    ids=[
        *("outbox", "sagas", "both apps", "the app with the sagas", "middleware", "the call"),
        *("rows and options", "routes", "nothing, on RabbitMQ", "to confirm"),
    ],
)
def test_who_forgot_a_line_of_the_settings_is_told(
    forgetful: Project, guide: str, forgetting: str, sentences: list[str]
):
    assert guide in forgetful.guide
    forgetful.set(forgetful.guide.replace(guide, forgetting))
    told = forgetful.check()
    for sentence in sentences:
        assert sentence in told


def test_who_forgot_the_celery_app_is_told(forgetful: Project):
    forgetful.set(forgetful.guide)
    package = forgetful.folder / "project" / "__init__.py"
    text = package.read_text()
    package.write_text("")
    try:
        told = forgetful.check()
    finally:
        package.write_text(text)
    assert "This process has no Celery app: nothing that it sends reaches the project's broker." in told
    assert "HINT: Make one in celery.py beside settings.py, and import it in the __init__.py there." in told


def test_own_rows_routes_and_options_are_taken_in(forgetful: Project):
    mine = """, schedule={"mine": {"task": "trips.tell", "schedule": 60}}, routes={"trips.tell": "trips"},
    broker_options={"visibility_timeout": 600}))
"""
    forgetful.set(forgetful.guide.replace('"redis://localhost:6379/0"))', '"redis://localhost:6379/0"' + mine))
    told = forgetful.shell(
        "from django.conf import settings as s; print(s.CELERY_BEAT_SCHEDULE['mine']['task'], "
        "s.CELERY_TASK_ROUTES['trips.tell'], s.CELERY_BROKER_TRANSPORT_OPTIONS['visibility_timeout'], "
        "len(s.CELERY_BEAT_SCHEDULE), s.CELERY_TASK_ROUTES['sagas.sweep'])"
    )
    assert told.split() == ["trips.tell", "trips", "600", "10", "{'queue':", "'upkeep'}"]


def test_a_project_on_rabbitmq_needs_no_client_of_redis(forgetful: Project):
    forgetful.set(forgetful.guide.replace("redis://localhost:6379/0", "amqp://localhost"))
    code = (
        "import sys; sys.modules['redis'] = None; sys.argv = ['manage.py', 'check', '--fail-level', 'ERROR']; "
        "import runpy; runpy.run_path('manage.py', run_name='__main__')"
    )
    assert "There is no doorbell" in forgetful.run("-c", code, told=True)


def test_neither_app_imports_the_shop():
    for app in ("sagas", "outbox"):
        for file in (ROOT / app).rglob("*.py"):
            assert not re.search(r"^\s*(from|import) (orders|config)\b", file.read_text(), re.MULTILINE), file
