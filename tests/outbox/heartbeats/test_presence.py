"""A worker says that it lives, what it takes and what it is at, and when it stops. A frozen one says nothing."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from outbox.models import WorkerProcess
from outbox.monitoring import workers
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
OFTEN = {"TEST_HEARTBEAT_EVERY": "0.5", "RELEASE": "1.4"}


def state() -> str:
    """That of the only worker; empty where none is known."""
    found = workers.read()
    return found[0].state if found else ""


@pytest.mark.parametrize(("pool", "size"), [("threads", 3), ("prefork", 3), ("solo", 1)])
def test_a_worker_of_any_pool_says_what_it_is_and_takes_its_row_away_when_it_stops(worker, pool, size):
    program = worker("events", "upkeep", pool=pool, concurrency=3, env=OFTEN)
    until(lambda: state() == "alive", 20, what="it leaves a sign")
    (row,) = WorkerProcess.objects.all()
    assert (row.release, row.size, row.busy, row.queues) == ("1.4", size, 0, ["events", "upkeep"])
    assert row.pid == program.process.pid
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(20) == 0
    assert not WorkerProcess.objects.exists()


def test_a_worker_counts_the_tasks_that_it_begins(worker):
    from config.celery import app

    worker("events", env=OFTEN)
    until(lambda: state() == "alive", 20)
    begun = WorkerProcess.objects.get().begun
    app.send_task("outbox.watermark", args=("events", "2026-01-01T00:00:00+00:00"), queue="events")
    until(lambda: WorkerProcess.objects.get().begun == begun + 1, what="it has begun one more")
    assert workers.read()[0].row.quiet_for < timedelta(seconds=10)


def test_a_queue_that_a_worker_is_told_to_leave_is_no_longer_among_those_that_it_takes(worker):
    from config.celery import app

    worker("events", "upkeep", env=OFTEN)
    until(lambda: state() == "alive", 20)
    app.control.cancel_consumer("events", destination=[WorkerProcess.objects.get().name])
    until(lambda: WorkerProcess.objects.get().queues == ["upkeep"], what="it takes one queue")


def test_a_killed_worker_is_lost_and_one_of_its_name_takes_its_row(worker):
    program = worker("events", env=OFTEN)
    until(lambda: state() == "alive", 20)
    program.kill()
    WorkerProcess.objects.update(seen_at="2026-01-01T00:00:00Z")
    until(lambda: state() == "lost", what="its session is gone")
