"""What the bench runs is the real thing: real workers, relay and beat, and every run finished. Nothing is timed.

A contender that fails is named with its reason, and the others go on.
"""

from __future__ import annotations

import os

import psycopg2
import pytest

from tests.bench.before import Build
from tests.bench.errors import BenchError
from tests.bench.processes import ROOT
from tests.bench.sagas import rounds
from tests.bench.sagas.contenders import contenders
from tests.bench.sagas.rounds import Bench
from tests.bench.sagas.session import Load, Session
from tests.bench.usage import Meter

OURS = contenders(2, 2)["saga"]
LOAD = Load(warm_up=2, runs=6, idle_runs=2, slow_runs=3)


@pytest.fixture
def bench(tmp_path):
    meter = Meter(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    one = Bench([OURS], LOAD, dict(os.environ), tmp_path, meter)
    yield one
    meter.close()


@pytest.fixture
def done_before_workers(monkeypatch):
    """How many runs of the database were done, and not, at each start of workers."""
    seen = []
    start = Session.start_workers

    def look(session, arranged):
        connection = psycopg2.connect(session.url)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FILTER (WHERE finished_at IS NULL), count(finished_at) FROM saga_run")
            seen.append(cursor.fetchone())
        connection.close()
        return start(session, arranged)

    monkeypatch.setattr(Session, "start_workers", look)
    return seen


def test_a_turn_has_a_burst_a_backlog_that_waits_for_the_workers_and_slow_runs(bench, done_before_workers):
    bench.prepare()
    bench.rounds(1)
    assert bench.turns.failures == {}
    measured = bench.summaries["saga"]
    assert {name for name, found in measured.items() if found is None} == {"rss_mb"}
    assert all(measured[name]["median"] > 0 for name in ("runs_per_s", "drain", "slow", "idle_p50_ms"))
    done = LOAD.warm_up + LOAD.runs + LOAD.idle_runs
    assert done_before_workers == [(0, 0), (LOAD.runs, done), (0, done + LOAD.runs)]


def test_the_memory_of_each_worker_is_seen_twice(bench):
    bench.prepare()
    bench.memory(OURS, 20)
    assert bench.turns.failures == {}
    for look in ("memory.early", "memory.late"):
        assert len(bench.summaries[look]["rss_mb"]["samples"]) == len(OURS.workers)


def test_a_full_database_holds_its_past_while_ours_is_measured_on_it(bench):
    bench.prepare()
    bench.growth([contenders(2, 2)["saga_message_per_step"]], 1, 300)
    assert bench.turns.failures == {}
    assert set(bench.summaries) == {f"growth.{state}.saga_message_per_step" for state in ("empty", "million")}
    connection = psycopg2.connect(bench.urls["growth.million.saga_message_per_step"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM saga_run WHERE key LIKE 'past:%'")
        assert cursor.fetchone() == (300,)
    connection.close()


def test_the_build_before_runs_from_its_own_folder_on_a_database_of_its_own(bench, tmp_path):
    build = Build(tmp_path / "before", "0123456789abcdef")
    build.root.symlink_to(ROOT)
    one = contenders(2, 2, build)["saga_before"]
    assert one.root == build.root
    bench.chosen = [one]
    bench.prepare()
    assert bench.turns.failures == {}
    assert bench.urls["saga_before"].endswith("/bench_saga_before")


def test_a_contender_that_fails_is_left_out_and_the_others_are_measured(bench, monkeypatch):
    def measure(contender, *_):
        if contender.name == "absurd":
            raise BenchError("Not all runs finished: 1 of 2.")
        return {"runs_per_s": 5.0}

    monkeypatch.setattr(rounds, "measure", measure)
    bench.chosen = [one for one in contenders(2, 2).values() if one.name in ("absurd", "celery_bare")]
    bench.rounds(2)
    assert bench.turns.failures == {"absurd": "Not all runs finished: 1 of 2."}
    assert bench.summaries["celery_bare"]["runs_per_s"] == {
        "median": 5.0,
        "min": 5.0,
        "max": 5.0,
        "samples": [5.0, 5.0],
    }
