"""Workers killed with many runs in one hand: in each gap, at hands of several sizes; and what the sweep makes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import transaction
from redis import Redis

from outbox.messages import codec
from outbox.models import OutboxMessage, PublishedMessage
from sagas.engine import executor
from sagas.engine.continuation import RunNext
from sagas.engine.work import Worker
from sagas.models import Attempt, Run, Step
from sagas.testing import WORKER_MODULE, time_passes
from sagas.testing.gaps import AFTER_CALL, AFTER_COMMIT, BEFORE_CALL, BEFORE_COMMIT, CrashPoint
from sagas.testing.plans import FOLDER, Plans
from tests.support.workers import ROOT, Programs, process_env, until

from . import in_hand, odd

pytestmark = pytest.mark.django_db(transaction=True)
CELERY = ["-m", "celery", "-A", "config"]
WORKER = [*CELERY, "worker", "--without-gossip", "--without-mingle", "-I", f"tests.crashes.in_hand,{WORKER_MODULE}"]
PROGRAM = "import django; django.setup(); from tests.crashes import in_hand; in_hand.main()"
LEASE = timedelta(seconds=4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The ledger's, for this process too, and the plans'."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(odd.LEDGER, str(tmp_path_factory.mktemp("ledger")))
        yield tmp_path_factory.mktemp("plans")


@pytest.fixture(scope="module")
def dying(folders: Path, django_db_setup: None, django_db_blocker) -> Iterator[Callable[[], int]]:
    """`dying()`: a process takes what waits and carries it; its exit code, or the signal that killed it, negative."""
    with django_db_blocker.unblock():
        environment = process_env({FOLDER: str(folders), "DJANGO_SETTINGS_MODULE": "tests.settings"})
    command = [sys.executable, "-c", PROGRAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def says() -> str:
            return program.stdout.readline().strip()  # type: ignore[union-attr]

        def die() -> int:
            program.stdin.write("\n")  # type: ignore[union-attr]
            program.stdin.flush()  # type: ignore[union-attr]
            return int(says())

        assert says() == "ready"
        yield die
        program.stdin.close()


def begin(many: int) -> list[UUID]:
    def one() -> UUID:
        with transaction.atomic():
            return in_hand.many.start(in_hand.Parcel(f"parcel-{uuid4().hex}"), key=uuid4().hex)

    return [one() for _ in range(many)]


def carry_on(run_id: UUID) -> None:
    """As the worker that gets the chain which the sweep sends."""
    run = Run.objects.get(pk=run_id)
    worker = Worker("another", "task", lambda _step: str(uuid4()))
    name = run.steps.get(position=run.position).name
    then = executor.run_step(executor.TaskRef(run.id, run.name, run.version, name, worker))
    while isinstance(then, RunNext):
        then = executor.proceed(then.work)


def told() -> dict[str, list[str]]:
    """The steps whose events are told, in order, by the run's name."""
    steps: dict[str, list[str]] = {}
    for model in (PublishedMessage, OutboxMessage):
        for row in model.objects.filter(type="tests.parcel_went_on").order_by("id"):
            fact = codec.decode(in_hand.WentOn, row.payload)
            steps.setdefault(fact.name, []).append(fact.step)
    return steps


def done(runs: list[UUID], step: str) -> int:
    return Step.objects.filter(run_id__in=runs, name=step, status="done").count()


def calls(runs: list[UUID], step: str) -> Counter[int]:
    """How many runs had the step called how often."""
    return Counter(in_hand.times_called(run_id, step) for run_id in runs)


SIZES = [1, 2, 64]
GAPS = [BEFORE_CALL, AFTER_CALL, BEFORE_COMMIT, AFTER_COMMIT]
POINTS = [*((many, "order", gap) for many in SIZES for gap in GAPS), *((2, "ask", gap) for gap in GAPS)]


@pytest.mark.parametrize(("many", "step", "gap"), POINTS)
def test_every_run_of_a_hand_whose_worker_is_killed_goes_on(dying, folders, many, step, gap):
    runs = begin(many)
    Plans(folders).make(runs[many // 2], CrashPoint("crash_many", 1, gap, step))
    assert dying() == -signal.SIGKILL
    before = many // 2 + (gap != BEFORE_CALL)
    called = {BEFORE_CALL: before, AFTER_CALL: before, BEFORE_COMMIT: many, AFTER_COMMIT: many}[gap]
    counted = Counter({1: called, 0: many - called})
    seen = calls(runs, step)
    assert +seen == +counted, "the worker died where it was to"
    recorded = many if gap == AFTER_COMMIT else 0
    assert done(runs, step) == recorded
    in_hand_then = Attempt.objects.filter(run_id__in=runs, ended_at=None)
    following = in_hand.STEPS[in_hand.STEPS.index(step) + 1]
    assert {attempt.step for attempt in in_hand_then} == {following if recorded else step}
    assert in_hand_then.count() == many
    time_passes(LEASE + timedelta(seconds=1))
    for run_id in runs:
        carry_on(run_id)
    assert set(Run.objects.filter(pk__in=runs).values_list("status", flat=True)) == {"completed"}
    assert not odd.ledger().has(in_hand.UNRECORDED)
    assert all(steps == list(in_hand.STEPS) for steps in told().values())
    assert len(told()) == many
    ends = Attempt.objects.filter(run_id__in=runs)
    assert ends.filter(outcome="lost").count() == many
    assert ends.filter(outcome="done").count() == many * len(in_hand.STEPS)


# --- Workers of Celery -----------------------------------------------------------------------------------------------


def start_worker(programs: Programs, queues: str, environment: Mapping[str, str]) -> str:
    """A worker with threads; returns its name."""
    name = f"{queues.split(',')[0]}-{uuid4().hex[:6]}@test"
    options = ["--pool=threads", "--concurrency=4", f"--queues={queues}", f"--hostname={name}"]
    programs.start("worker", [*WORKER, *options], environment)
    return name


def test_tasks_that_are_lost_and_a_worker_killed_with_its_hand_full_cost_no_run(programs, folders):
    """FLUSHALL loses the tasks that say that there is work; of two workers that then take, one dies in mid-hand."""
    environment = {FOLDER: str(folders), odd.LEDGER: str(odd.ledger().folder), "LOG_LEVEL": "WARNING"}
    runs = begin(120)
    Plans(folders).make(runs[100], CrashPoint("crash_many", 1, AFTER_CALL, "order"))
    start_worker(programs, "upkeep,events,default", environment)
    programs.start("beat", [*CELERY, "beat"], environment)
    until(lambda: not OutboxMessage.objects.filter(type="sagas.run_ready").exists(), 60, what="their message is sent")
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushall()
    names = {start_worker(programs, "sagas", environment) for _ in range(2)}
    ended = Run.objects.filter(pk__in=runs, status="completed")
    until(lambda: ended.count() == len(runs), 90, what="all end")
    attempts = Attempt.objects.filter(run_id__in=runs)
    lost = attempts.filter(outcome="lost")
    dead = set(lost.values_list("worker", flat=True))
    assert len(dead) == 1, "neither worker takes what the other has"
    assert dead < names
    assert lost.count() > 1, "it died with one run in hand"
    assert not lost.exclude(step__in=["ask", "order", "settle"]).exists()
    assert attempts.filter(outcome="done").count() == len(runs) * len(in_hand.STEPS)
    again = Counter(attempt.step for attempt in lost)
    for step in in_hand.STEPS:
        assert sum(calls(runs, step).elements()) <= len(runs) + again[step]
    assert not odd.ledger().has(in_hand.UNRECORDED)
    assert all(steps == list(in_hand.STEPS) for steps in told().values())
    assert len(told()) == len(runs)
