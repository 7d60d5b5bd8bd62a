"""The check of each part notices that it is frozen (SIGSTOP), and says nothing of it when another is away."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import contextmanager

from django.conf import settings

from config import alive
from config.local.ports import free_port
from config.standins.companies import COMPANIES, database_variable
from tests.support.workers import Program, process_env, until

GUNICORN = ["-m", "gunicorn", "config.wsgi", "--workers", "1", "--threads", "2", "--no-control-socket"]
FLOWER = ["-m", "config.flower", "--address=127.0.0.1"]
CONSUMER = ["manage.py", "consume", "--stream", "told.by.others", "--group", "shop"]
OFTEN = {"TEST_HEARTBEAT_EVERY": "0.5"}  # seconds
WITHIN = 3.0  # seconds: a relay and a consumer look at least once a second
PATIENCE = 0.5


@contextmanager
def frozen(program: Program):
    """With its children, as a machine that swaps or a debugger freezes them."""
    os.killpg(program.process.pid, signal.SIGSTOP)
    yield
    os.killpg(program.process.pid, signal.SIGCONT)


def check(program: Program, lives: Callable[[], bool]) -> None:
    """It turns, and it returns."""
    until(lives, 60, what=f"{program.name} lives")
    with frozen(program):
        until(lambda: not lives(), 30, what=f"{program.name} is known to be frozen")
    until(lives, 30, what=f"{program.name} lives again")


def by_heartbeat(name: str) -> Callable[[], bool]:
    url = process_env()["DATABASE_URL"]
    return lambda: alive.duty(url, name, WITHIN)


def test_what_leaves_heartbeats(programs):
    """Beat, `manage.py relay`, a consumer and the stand-ins' upkeep, all at once: each needs its seconds.

    The upkeep finds no tables of its companies, and says so: it lives all the same.
    """
    books = {database_variable(company): process_env()["DATABASE_URL"] for company in COMPANIES}
    started = {
        "upkeep payments": programs.start(
            "upkeep", ["-m", "config.standins", "upkeep"], {"STANDINS_HEARTBEAT_EVERY": "0.5"} | books
        ),
        "beat": programs.start("beat", ["-m", "celery", "-A", "config", "beat"], OFTEN),
        "outbox.relay": programs.start("relay", ["manage.py", "relay"], OFTEN),
        "consume told.by.others/shop": programs.start("consumer", CONSUMER, OFTEN),
    }
    lives = {name: by_heartbeat(name) for name in started}
    for name in started:
        until(lives[name], 60, what=f"{name} lives")
    for program in started.values():
        os.killpg(program.process.pid, signal.SIGSTOP)
    until(lambda: not any(one() for one in lives.values()), 30, what="all are known to be frozen")
    for program in started.values():
        os.killpg(program.process.pid, signal.SIGCONT)
    for name in started:
        until(lives[name], 30, what=f"{name} lives again")
    for program in started.values():
        program.kill()


def test_what_answers(programs, worker):
    """A worker, the web process and Flower."""
    site, flower = free_port(), free_port()
    web = programs.start("web", [*GUNICORN, "--bind", f"127.0.0.1:{site}"])
    window = programs.start("flower", [*FLOWER, f"--port={flower}"])
    upkeep = worker("upkeep")
    hostname = next(word for word in upkeep.process.args if word.startswith("--hostname=")).partition("=")[2]
    check(upkeep, lambda: alive.worker(settings.REDIS_URL, hostname, PATIENCE))
    check(web, lambda: alive.page(f"http://127.0.0.1:{site}/livez", PATIENCE))
    check(window, lambda: alive.page(f"http://127.0.0.1:{flower}/healthcheck", PATIENCE))
    for program in (web, window, upkeep):
        program.kill()


def test_a_failing_consumer_lives(programs):
    """It says that Redis is away; no restart would mend that."""
    away = f"redis://127.0.0.1:{free_port()}/0"
    consumer = programs.start("consumer", [*CONSUMER, "--url", away])
    until(by_heartbeat("consume told.by.others/shop"), 60)
    consumer.kill()


def test_what_nobody_can_tell_is_no_ground_to_restart(monkeypatch, capsys):
    monkeypatch.setattr(alive, "IN_ALL", 1)
    port = free_port()
    monkeypatch.setenv("DATABASE_URL", f"postgres://nobody:x@127.0.0.1:{port}/none")
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis://127.0.0.1:{port}/0")
    for arguments in (["duty", "beat"], ["worker", "worker@nowhere"]):
        monkeypatch.setattr("sys.argv", ["alive", *arguments])
        assert alive.main() == 0
        assert "Nobody can tell." in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["alive", "page", f"http://127.0.0.1:{port}/livez"])
    assert alive.main() == 1
