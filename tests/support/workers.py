"""A pytest plugin: real Celery processes of the project, working on the test's database and Redis."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], object], seconds: float = 20.0, *, what: str = "") -> None:
    """Poll until `condition` holds; fail the test when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"Not within {seconds:g} s: {what or condition}")
        time.sleep(0.02)


def process_env(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that shall see what the test sees: the *test* database."""
    from django.db import connection

    at = connection.settings_dict
    login = f"{quote(str(at['USER']))}:{quote(str(at['PASSWORD']))}"
    url = f"postgres://{login}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "DATABASE_URL": url, "PYTHONPATH": path, **(extra or {})}


@dataclass
class Program:
    """A running process of the project."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL, to it and to its children: no clean-up of any kind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.kill()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class Programs:
    """Starts processes for one test and stops them at its end."""

    folder: Path
    running: list[Program] = field(default_factory=list)

    def start(self, name: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Program:
        """Run `python <arguments>` in a process group of its own."""
        log = self.folder / f"{name}-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=process_env(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        program = Program(name, process, log)
        self.running.append(program)
        return program

    def stop(self) -> None:
        for program in self.running:
            program.terminate()


@pytest.fixture
def programs(transactional_db: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Programs]:
    """Starts processes on an empty Redis database; their logs are shown when the test fails."""
    from django.conf import settings
    from redis import Redis

    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
    started = Programs(tmp_path)
    yield started
    started.stop()
    for program in started.running:
        request.node.add_report_section("call", program.name, program.output[-20_000:])


@pytest.fixture
def worker(programs: Programs) -> Callable[..., Program]:
    """`worker("events", "sagas", pool="threads", concurrency=4, env={})`: a worker, and it answers."""
    from config.celery import app

    def start(
        *queues: str, pool: str = "threads", concurrency: int = 4, env: Mapping[str, str] | None = None
    ) -> Program:
        name = f"{'-'.join(queues)}-{uuid.uuid4().hex[:6]}@test"
        options = [
            f"--pool={pool}",
            f"--concurrency={concurrency}",
            f"--queues={','.join(queues)}",
            f"--hostname={name}",
        ]
        command = ["-m", "celery", "-A", "config", "worker", *options, "--without-gossip", "--without-mingle"]
        program = programs.start(f"worker-{'-'.join(queues)}", command, env)

        def answers() -> bool:
            if program.process.poll() is not None:
                pytest.fail(f"The worker ended with {program.process.returncode}:\n{program.output[-4000:]}")
            return bool(app.control.inspect(destination=[name], timeout=0.3).ping())

        until(answers, 60, what=f"{name} answers")
        return program

    return start


@pytest.fixture
def beat(programs: Programs) -> Callable[[], Program]:
    """`beat()`: the project's beat, with the schedule from the settings."""
    return lambda: programs.start("beat", ["-m", "celery", "-A", "config", "beat"])
