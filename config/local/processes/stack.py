"""The processes of the local stack, each with its readiness check."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.env import broker_url

from ..ports import Ports
from . import readiness

PYTHON = sys.executable
# Celery's warning about root means workers that take pickles from strangers; ours take JSON from this machine.
CELERY = (PYTHON, "-W", "ignore:You're running the worker with superuser", "-m", "celery", "-q", "-A", "config")
# Handles each event of the warehouse once. After a restart it has the same name and resumes its pending messages.
CONSUMER = (PYTHON, "manage.py", "consume", "--stream", "warehouse.events", "--group", "shop", "--consumer", "settle")
END_WITHIN = "5"  # seconds for the workers, as WORKER_END_WITHIN: the supervisor waits no longer than eight
STANDINS = "config.standins"
UPKEEP = ("upkeep payments", "upkeep warehouse")  # the companies with background jobs
LISTENING = "fd://listening"  # replaced by gunicorn's name for the socket that it inherits
BEHIND = 5  # niceness of all that carries orders: the processor goes first to who places one, and three times as much
NAMES = ("settle", "stand-ins", "upkeep", "web", "worker", "relay", "consumer", "beat", "flower")


@dataclass(frozen=True)
class Part:
    """A process to keep running. `is_ready` returns within about a second."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    port: int | None = None
    """The launcher listens on this port, and the process inherits the socket at the word LISTENING of its command.
    Clients that connect during a restart wait; they are not refused."""
    niceness: int = 0
    """0 is usual; the processor goes first to those with less."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it is told besides what all are told."""


@dataclass(frozen=True)
class Job:
    """A process that runs once, to its end, before the others start."""

    name: str
    command: tuple[str, ...]


def preparations() -> list[Job]:
    """Jobs that make tables, a small catalogue with its stock, and an operator's account. Safe to repeat."""
    prepare = (PYTHON, "-m", "config.local.seed")
    return [Job("settle", (*prepare, "shop")), Job("stand-ins", (*prepare, "standins"))]


def parts(ports: Ports, environment: Mapping[str, str]) -> list[Part]:
    """All processes, in starting order."""
    broker = broker_url(environment)
    database = environment["DATABASE_URL"]
    bounded = {"DATABASE_URL": environment["WORKERS_DATABASE_URL"]}
    stock = environment["STANDINS_WAREHOUSE_URL"]  # where the stand-ins' background jobs leave heartbeats
    return [
        Part(
            "stand-ins",
            standins(ports.standins),
            readiness.page(environment["STANDINS_URL"] + "/livez"),
            niceness=BEHIND,
        ),
        Part("upkeep", (PYTHON, "-m", STANDINS, "upkeep"), readiness.heartbeat(stock, *UPKEEP), niceness=BEHIND),
        Part("web", web(), readiness.page(environment["SITE_URL"] + "/readyz"), port=ports.site),
        Part(
            "worker",
            worker("worker", "sagas,events,webhooks,default", threads=16),
            readiness.worker(broker, "worker@settle"),
            niceness=BEHIND,
            environment=bounded,
        ),
        Part(
            "relay",
            worker("relay", "upkeep", threads=4),
            readiness.worker(broker, "relay@settle"),
            niceness=BEHIND,
            environment=bounded,
        ),
        Part(
            "consumer",
            CONSUMER,
            readiness.heartbeat(database, "consume warehouse.events/shop"),
            niceness=BEHIND,
            environment=bounded,
        ),
        Part("beat", (*CELERY, "beat", "--loglevel", "INFO"), readiness.heartbeat(database, "beat")),
        Part(
            "flower",
            flower(ports.flower),
            readiness.page(environment["FLOWER_URL"] + "/healthcheck"),
            niceness=BEHIND,
        ),
    ]


def standins(port: int) -> tuple[str, ...]:
    return (PYTHON, "-m", STANDINS, "serve", "--port", str(port))


def web() -> tuple[str, ...]:
    """`--preload` loads the app once, then forks. A worker process ends by itself when its parent is gone."""
    command = (PYTHON, "-m", "gunicorn", "config.wsgi", "--config", "python:config.web_server", "--bind", LISTENING)
    return (*command, "--preload", "--workers", "2", "--threads", "8", "--graceful-timeout", "5", "--no-control-socket")


def worker(name: str, queues: str, *, threads: int) -> tuple[str, ...]:
    command = (*CELERY, "worker", "--hostname", f"{name}@settle", "--queues", queues, "--pool", "threads")
    return (*command, "--concurrency", str(threads), "--without-gossip", "--without-mingle", "--loglevel", "INFO")


def flower(port: int) -> tuple[str, ...]:
    return (PYTHON, "-m", "config.flower", "--address=127.0.0.1", f"--port={port}", "--max-tasks=10000")
