"""What the bench runs is the real thing: real relays, a real broker, every row published once. Nothing is timed."""

from __future__ import annotations

import os
from dataclasses import replace

import psycopg2
import pytest

from tests.bench.before import Build
from tests.bench.errors import BenchError
from tests.bench.outbox import rounds
from tests.bench.outbox.contenders import BARE, contenders, grown
from tests.bench.outbox.place import Load
from tests.bench.processes import ROOT
from tests.bench.usage import Meter

OURS = contenders()["relay_celery"]


@pytest.fixture
def bench(tmp_path):
    meter = Meter(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    yield rounds.Bench(Load(warm_up=10, rows=60, seconds=1), dict(os.environ), tmp_path, meter)
    meter.close()


def test_each_contender_publishes_its_whole_backlog_once_and_ours_tells_how_long_events_take(bench):
    bench.prepare([OURS, BARE])
    bench.rounds(1, [OURS, BARE])
    assert bench.turns.failures == {}
    for name in (OURS.name, BARE.name):
        assert bench.summaries[name]["copies"]["median"] == 1.0
        assert bench.summaries[name]["rows_per_s"]["median"] > 0
        assert bench.summaries[name]["cpu_us_own"] is not None
    assert bench.summaries[OURS.name]["idle_p50_ms"]["median"] <= bench.summaries[OURS.name]["idle_p99_ms"]["median"]
    assert bench.summaries[BARE.name]["idle_p50_ms"] is None


def test_a_history_is_there_while_relays_are_measured_on_it(bench):
    some = [replace(one, timed=False) for one in grown("growth.million.", 500) if one.relays == 1 and one.keys < 2]
    assert [(one.keys, one.arrives) for one in some] == [(0, "stream"), (1, "stream"), (0, "list")]
    bench.prepare(some)
    bench.rounds(1, some)
    assert bench.turns.failures == {}
    for database in {one.database for one in some}:
        connection = psycopg2.connect(bench.urls[database])
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(DISTINCT day) FROM outbox_published WHERE key LIKE 'past:%'")
            assert cursor.fetchone() == (500, 1)
        connection.close()


def test_a_contender_that_fails_is_named_and_the_others_are_measured(bench, monkeypatch):
    def measure(contender, *_):
        if contender.name == "theirs":
            raise BenchError("Not all rows were published: 1 of 2.")
        return {"rows_per_s": 5.0}

    monkeypatch.setattr(rounds, "measure", measure)
    bench.rounds(2, [replace(BARE, name="theirs"), BARE])
    assert bench.turns.failures == {"theirs": "Not all rows were published: 1 of 2."}
    assert bench.summaries["bare_loop"]["rows_per_s"]["samples"] == [5.0, 5.0]


def test_the_relay_of_another_commit_runs_from_its_own_folder(bench, tmp_path):
    build = Build(tmp_path / "before", "0123456789abcdef")
    build.root.symlink_to(ROOT)
    one = contenders(build)["relay_celery_before"]
    bench.prepare([one])
    bench.rounds(1, [one])
    assert bench.turns.failures == {}
    assert bench.place.environment_of(one)["PYTHONPATH"] == str(build.root)
    assert bench.summaries[one.name]["copies"]["median"] == 1.0
