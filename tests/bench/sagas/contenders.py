"""Who is measured, and how each is started. All get two worker processes and one submitter on the same servers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.before import Build
from tests.bench.processes import ROOT

PACKAGE = "tests.bench.sagas"
CELERY = ("-m", "celery", "-q", "-A")
WORKER = ("--pool", "threads", "--without-gossip", "--without-mingle", "--loglevel", "INFO", "-E")
SAGA_DONE = "SELECT count(*) FROM saga_run WHERE id = ANY(%s::uuid[]) AND status = 'completed'"
ABSURD_DONE = "SELECT count(*) FROM absurd.t_bench WHERE task_id = ANY(%s::uuid[]) AND state = 'completed'"
DBOS_DONE = "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = ANY(%s) AND status = 'SUCCESS'"
OBAN_DONE = """
SELECT count(*) FROM oban_jobs
WHERE args ->> 'run' = ANY(%s) AND worker = '__main__.Dispatch' AND state = 'completed'
"""
FEW, SOME = (8, 16, 32), (16, 32, 64)
"""Concurrencies of one process that are tried: of threads, and of coroutines."""


@dataclass(frozen=True)
class Contender:
    """`{c}` in the workers' commands is the concurrency of one process."""

    name: str
    about: str
    workers: tuple[tuple[str, ...], ...]
    submitter: tuple[str, ...]
    concurrency: int
    slow_concurrency: int
    done: str = ""
    """Counts how many of the runs with the given ids have finished; empty for the one that counts in Redis."""
    slow_workers: tuple[tuple[str, ...], ...] = ()
    """In place of `workers` when steps wait, where another kind is better then."""
    helpers: tuple[tuple[str, ...], ...] = ()
    """Processes that the workers cannot do without, started before them."""
    environment: Mapping[str, str] = field(default_factory=dict)
    rival: str = ""
    """The name of its virtual environment; empty for the project's own."""
    oldest: tuple[int, int] = (3, 11)
    """The first Python that it runs on."""
    tried: tuple[int, ...] = ()
    """The concurrencies of which the best is chosen before the first round, for both loads; empty: it is given."""
    root: Path = ROOT
    """The folder of the code that runs."""
    wholly: bool = True
    """Whether a backlog and slow runs are measured too. Not where no goal asks for it, to save time."""

    def when_slow(self) -> Contender:
        """The same, arranged for steps that wait."""
        return replace(self, workers=self.slow_workers or self.workers, concurrency=self.slow_concurrency)

    def python(self, venvs: Path) -> str:
        return str(venvs / self.rival / "bin" / "python") if self.rival else sys.executable


def contenders(concurrency: int, slow_concurrency: int, before: Build | None = None) -> dict[str, Contender]:
    """All of them, in the order of the table. The numbers are threads of one Celery worker process."""
    threads = (concurrency, slow_concurrency)
    saga = ours(
        "saga", "the engine in its default: attempts, timeline, an outbox event a step, Celery events", *threads
    )
    per_step = ours("saga_message_per_step", "the same with SAGAS_IN_PLACE = False", *threads, BENCH_IN_PLACE="0")
    quiet = ours(
        "saga_without_events", "the engine in its default, the steps publish nothing", *threads, saga="quiet_trial"
    )
    everyone = [
        saga,
        *([as_before(saga, before)] if before else []),
        *(replace(one, wholly=False) for one in (per_step, quiet)),
        absurd(),
        dbos(),
        oban(),
        django_absurd(),
        bare(*threads),
    ]
    return {one.name: one for one in everyone}


def as_before(contender: Contender, before: Build) -> Contender:
    """The same as of another commit."""
    about = f"the same as of commit {before.commit[:12]}"
    return replace(contender, name=f"{contender.name}_before", about=about, root=before.root)


def ours(
    name: str, about: str, concurrency: int, slow_concurrency: int, saga: str = "trial", **environment: str
) -> Contender:
    """Workers, relay and beat as the local stack starts them."""
    return Contender(
        name,
        about,
        workers=tuple(
            (*CELERY, "config", "worker", *WORKER, "-Q", "sagas", "-c", "{c}", "-n", f"{n}@bench") for n in "ab"
        ),
        helpers=(
            (*CELERY, "config", "beat"),
            (*CELERY, "config", "worker", *WORKER, "-Q", "upkeep", "-c", "4", "-n", "relay@bench"),
        ),
        submitter=("-m", f"{PACKAGE}.submit", saga),
        concurrency=concurrency,
        slow_concurrency=slow_concurrency,
        done=SAGA_DONE,
        environment={"DJANGO_SETTINGS_MODULE": f"{PACKAGE}.settings", **environment},
    )


def absurd() -> Contender:
    module = ("-m", f"{PACKAGE}.rivals.absurd")
    return Contender(
        "absurd",
        "absurd-sdk, polled every 20 ms; asyncio, and threads if slow",
        workers=((*module, "async", "{c}"),) * 2,
        slow_workers=((*module, "threads", "{c}"),) * 2,
        submitter=(*module, "submit"),
        concurrency=32,
        slow_concurrency=32,
        done=ABSURD_DONE,
        rival="absurd",
        tried=SOME,
    )


def dbos() -> Contender:
    module = ("-m", f"{PACKAGE}.rivals.dbos")
    return Contender(
        "dbos_queued",
        "DBOS, a queue polled every 50 ms",
        workers=((*module, "worker", "{c}"),) * 2,
        submitter=(*module, "submit"),
        concurrency=8,
        slow_concurrency=32,
        done=DBOS_DONE,
        rival="dbos",
        tried=FEW,
    )


def oban() -> Contender:
    module = ("-m", f"{PACKAGE}.rivals.oban")
    return Contender(
        "oban",
        "Oban for Python, a job a step, woken by NOTIFY; asyncio",
        workers=((*module, "worker", "{c}"),) * 2,
        submitter=(*module, "submit"),
        concurrency=32,
        slow_concurrency=64,
        done=OBAN_DONE,
        rival="oban",
        oldest=(3, 12),
        tried=SOME,
        wholly=False,
    )


def django_absurd() -> Contender:
    module = ("-m", f"{PACKAGE}.rivals.django_absurd")
    return Contender(
        "django_absurd",
        "django-absurd, polled every 20 ms; asyncio, and threads if slow",
        workers=((*module, "worker", "{c}"),) * 2,
        submitter=(*module, "submit"),
        concurrency=32,
        slow_concurrency=32,
        done=ABSURD_DONE,
        rival="django_absurd",
        oldest=(3, 12),
        tried=SOME,
        wholly=False,
    )


def bare(concurrency: int, slow_concurrency: int) -> Contender:
    module = f"{PACKAGE}.rivals.bare"
    return Contender(
        "celery_bare",
        "a bare Celery chain that keeps nothing",
        workers=tuple(
            (*CELERY, module, "worker", *WORKER, "-Q", "sagas", "-c", "{c}", "-n", f"{n}@bench") for n in "ab"
        ),
        submitter=("-m", module),
        concurrency=concurrency,
        slow_concurrency=slow_concurrency,
        wholly=False,
    )
