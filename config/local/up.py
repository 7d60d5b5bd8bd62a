"""`make up`: starts all servers and processes in order, keeps them running, and stops them together."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .ports import Ports
from .processes.console import Console
from .processes.stack import END_WITHIN, NAMES, parts, preparations
from .processes.supervisor import Supervisor
from .services.servers import Servers
from .state_dir import StateDir

READY_PATIENCE = 120.0  # seconds; a first start on a busy machine with two cores takes about twenty


def up(home: StateDir) -> None:
    """Run the stack until Ctrl-C or SIGTERM. Raises LocalStackError when it cannot start or go on."""
    begun = time.monotonic()
    console = Console(NAMES)
    with stopped_by_signals():
        ports = claim(home)
        servers = Servers(home.root)
        try:
            console.say("Starting PostgreSQL and Redis …")
            servers.start()
            environment = published(ports, servers, home)
            home.write_env(environment)
            run_parts(home, ports, servers, console, environment, begun)
        except KeyboardInterrupt:
            pass  # asked to stop
        finally:
            with undisturbed():
                home.forget_env()
                servers.stop()
        console.say("Stopped. Your data is kept.")


def claim(home: StateDir) -> Ports:
    """Lock the folder and check the ports before anything starts. Raises LocalStackError, which says who has them."""
    home.claim(f"http://127.0.0.1:{os.environ.get('PORT') or 8000}")
    return Ports.chosen()


def published(ports: Ports, servers: Servers, home: StateDir) -> dict[str, str]:
    """The environment of the processes, and of `manage.py` in a second terminal."""
    return {
        **servers.environment,
        "SETTLE_LOCAL": "1",
        "SITE_URL": f"http://127.0.0.1:{ports.site}",
        "FLOWER_URL": f"http://127.0.0.1:{ports.flower}",
        "STANDINS_URL": f"http://127.0.0.1:{ports.standins}",
        "STANDINS_WEBHOOK_URL": f"http://127.0.0.1:{ports.site}/webhooks/stripe",
        "STANDINS_LATENCY": os.environ.get("STANDINS_LATENCY", "0.3"),  # slow enough to watch
        "EMAIL_FILE_PATH": str(home.root / "mail"),
    }


def run_parts(
    home: StateDir, ports: Ports, servers: Servers, console: Console, published: Mapping[str, str], begun: float
) -> None:
    ours = {"SETTLE_HOME": str(home.root), "PYTHONUNBUFFERED": "1", "WORKER_END_WITHIN": END_WITHIN}
    environment = {**os.environ, **ours, **published}
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # the stand-ins are a project of their own
    supervisor = Supervisor(console, environment)
    try:
        console.say("Preparing the databases …")
        supervisor.run(preparations())
        everything = parts(ports, environment)
        console.say("Starting the processes …")
        for part in everything:
            supervisor.start(part)
        supervisor.wait_until_ready(everything, READY_PATIENCE)
        for line in welcome(environment, time.monotonic() - begun):
            console.say(line)
        while True:
            supervisor.tick(0.5)
            for name in servers.restart_the_dead():
                console.say(f"{name} had ended and runs again")
    except KeyboardInterrupt:
        console.say("Stopping …")
        raise
    finally:
        stop(supervisor)


def stop(supervisor: Supervisor) -> None:
    """Stop in order; kill at once at a second Ctrl-C."""
    try:
        supervisor.stop()
    except KeyboardInterrupt:
        with undisturbed():
            supervisor.kill()


def welcome(environment: Mapping[str, str], seconds: float) -> list[str]:
    return [
        "",
        f"Ready: {environment['SITE_URL']}",
        f"  Admin      {environment['SITE_URL']}/admin/   (log in as operator, password operator)",
        f"  Flower     {environment['FLOWER_URL']}",
        f"  Stand-ins  {environment['STANDINS_URL']}",
        f"  PostgreSQL {environment['DATABASE_URL']}",
        f"  Redis      {environment['REDIS_URL']}",
        f"Up in {seconds:.0f} s. Ctrl-C stops everything and keeps the data.",
        "",
    ]


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP (the terminal was closed) end the block as Ctrl-C does."""

    def interrupt(_signum: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(signum) is not signal.SIG_IGN or signum is signal.SIGTERM:  # `nohup make up`
            signal.signal(signum, interrupt)
    yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """No signal interrupts the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
