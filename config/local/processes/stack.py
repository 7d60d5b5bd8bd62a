"""The processes of the local stack, each with the question that shows it is up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.env import broker_url

from ..ports import Ports
from . import readiness

PYTHON = sys.executable
# Celery's warning about root means workers that take pickles from strangers; ours take JSON from this machine.
CELERY = (PYTHON, "-W", "ignore:You're running the worker with superuser", "-m", "celery", "-q", "-A", "config")
# What the warehouse tells, handled once each; the name is the same after a restart, and takes up what was in hand.
CONSUMER = (PYTHON, "manage.py", "consume", "--stream", "warehouse.events", "--group", "shop", "--consumer", "settle")
END_WITHIN = "5"  # seconds for the workers, as WORKER_END_WITHIN: the supervisor waits no longer than eight
STANDINS = "config.standins"
UPKEEP = ("upkeep payments", "upkeep warehouse")  # the companies that do something by themselves
LISTENING = "fd://listening"  # becomes gunicorn's name for the socket that it is handed
NAMES = ("settle", "stand-ins", "upkeep", "web", "worker", "relay", "consumer", "beat", "flower")


@dataclass(frozen=True)
class Part:
    """A process to keep running. `is_ready` answers at once or within a second."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    port: int | None = None
    """The launcher listens on it and hands it over, as the word LISTENING of the command says where: whoever comes
    while the part starts anew waits, and is not refused."""


@dataclass(frozen=True)
class Job:
    """A process to run once before the others can work."""

    name: str
    command: tuple[str, ...]


def preparations() -> list[Job]:
    """Tables, a small catalogue and the stock for it, an operator's account; harmless when all of it is there."""
    prepare = (PYTHON, "-m", "config.local.seed")
    return [Job("settle", (*prepare, "shop")), Job("stand-ins", (*prepare, "standins"))]


def parts(ports: Ports, environment: Mapping[str, str]) -> list[Part]:
    """All of them, in the order in which they are started."""
    broker = broker_url(environment)
    database = environment["DATABASE_URL"]
    stock = environment["STANDINS_WAREHOUSE_URL"]  # where the stand-ins' upkeep leaves its heartbeats
    return [
        Part("stand-ins", standins(ports.standins), readiness.page(environment["STANDINS_URL"] + "/livez")),
        Part("upkeep", (PYTHON, "-m", STANDINS, "upkeep"), readiness.heartbeat(stock, *UPKEEP)),
        Part("web", web(), readiness.page(environment["SITE_URL"] + "/readyz"), port=ports.site),
        Part(
            "worker",
            worker("worker", "sagas,events,webhooks,default", threads=16),
            readiness.worker(broker, "worker@settle"),
        ),
        Part("relay", worker("relay", "upkeep", threads=4), readiness.worker(broker, "relay@settle")),
        Part("consumer", CONSUMER, readiness.heartbeat(database, "consume warehouse.events/shop")),
        Part("beat", (*CELERY, "beat", "--loglevel", "INFO"), readiness.heartbeat(database, "beat")),
        Part("flower", flower(ports.flower), readiness.page(environment["FLOWER_URL"] + "/healthcheck")),
    ]


def standins(port: int) -> tuple[str, ...]:
    return (PYTHON, "-m", STANDINS, "serve", "--port", str(port))


def web() -> tuple[str, ...]:
    """`--preload`: loaded once, then forked. A worker process ends by itself when the first one is gone."""
    command = (PYTHON, "-m", "gunicorn", "config.wsgi", "--bind", LISTENING, "--preload")
    return (*command, "--workers", "2", "--threads", "8", "--graceful-timeout", "5", "--no-control-socket")


def worker(name: str, queues: str, *, threads: int) -> tuple[str, ...]:
    command = (*CELERY, "worker", "--hostname", f"{name}@settle", "--queues", queues, "--pool", "threads")
    return (*command, "--concurrency", str(threads), "--without-gossip", "--without-mingle", "--loglevel", "INFO")


def flower(port: int) -> tuple[str, ...]:
    return (*CELERY, "flower", "--address=127.0.0.1", f"--port={port}", "--max-tasks=10000")
