"""The services of docker-compose.yml as they run, under a project name of this test's own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from config.local.errors import LocalStackError
from config.local.ports import free_port

from .engine import ROOT, run

PROJECT = ("docker", "compose", "--project-name", "settle-test")
ONCE = {"migrate", "standins-migrate"}
SERVERS = {"postgres", "redis"}


@dataclass(frozen=True)
class Container:
    service: str
    state: str
    health: str
    exit_code: int


class Composed:
    """`with Composed() as composed:` brings all of it up, healthy, and takes it away with its data at the end."""

    def __init__(self) -> None:
        ports = {name: os.environ.get(name) or str(free_port()) for name in ("PORT", "FLOWER_PORT", "STANDINS_PORT")}
        os.environ.update(ports)
        for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
            os.environ[name] = secrets.token_hex(32)
        os.environ["FLOWER_BASIC_AUTH"] = "operator:operator"
        self.site = f"http://127.0.0.1:{ports['PORT']}"
        self.standins = f"http://127.0.0.1:{ports['STANDINS_PORT']}"
        os.environ["SITE_URL"] = self.site

    def __enter__(self) -> Composed:
        run(*PROJECT, "down", "--volumes", "--remove-orphans")
        try:
            run(*PROJECT, "up", "--detach", "--no-build")
            self.wait("all are healthy", self.all_well, 240)
        except LocalStackError:
            self.show()
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        run(*PROJECT, "down", "--volumes", "--timeout", "30")

    def containers(self) -> dict[str, Container]:
        lines = run(*PROJECT, "ps", "--all", "--format", "json").splitlines()
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        found = [Container(row["Service"], row["State"], row["Health"], row["ExitCode"]) for row in rows]
        return {one.service: one for one in found}

    @property
    def parts(self) -> list[str]:
        """The shop's services that keep running."""
        return sorted(self.containers().keys() - ONCE - SERVERS)

    def all_well(self) -> bool:
        every = self.containers()
        return all(every[name].exit_code == 0 for name in ONCE) and all(
            one.health == "healthy" for one in every.values() if one.service not in ONCE
        )

    def signal(self, service: str, name: str) -> None:
        """Send a signal to every process of the container but its first, the init."""
        run(*PROJECT, "exec", "--no-TTY", service, "sh", "-c", f"kill -{name} -1")

    def kill(self, service: str) -> None:
        """SIGKILL; the engine starts the container again as its restart policy says."""
        if service in SERVERS:  # the server is the container's first process, which no signal from within ends
            run(*PROJECT, "restart", "--timeout", "0", "--no-deps", service)
            return
        before = self._restarts(service)
        subprocess.run(
            [*PROJECT, "exec", "--no-TTY", service, "sh", "-c", "kill -KILL -1"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        self.wait(f"{service} is started again", lambda: self._restarts(service) > before, 60)

    def run(self, service: str, *command: str) -> str:
        return run(*PROJECT, "exec", "--no-TTY", service, *command)

    def stop(self) -> dict[str, int]:
        """Stop all in order, as `docker compose stop` does; the exit code of each."""
        run(*PROJECT, "stop")
        return {name: one.exit_code for name, one in self.containers().items()}

    def wait(self, what: str, holds: Callable[[], bool], seconds: float) -> float:
        """Wait until it holds; how many seconds that took. Raises LocalStackError."""
        begun = time.monotonic()
        while not holds():
            if time.monotonic() - begun > seconds:
                raise LocalStackError(f"Not within {seconds:g} s: {what}.\n{self.table()}")
            time.sleep(1)
        return time.monotonic() - begun

    def wait_for_health(self, services: Iterable[str], health: str, seconds: float) -> float:
        wanted = set(services)
        what = f"{', '.join(sorted(wanted))}: {health}"
        return self.wait(what, lambda: all(self.containers()[name].health == health for name in wanted), seconds)

    def table(self) -> str:
        return "\n".join(f"  {one.service:<18}{one.state:<12}{one.health}" for one in self.containers().values())

    def show(self) -> None:
        print(run(*PROJECT, "logs", "--no-color", "--tail", "40"))

    def _restarts(self, service: str) -> int:
        container = run(*PROJECT, "ps", "--all", "--quiet", service).strip()
        return int(run("docker", "inspect", "--format", "{{.RestartCount}}", container))
