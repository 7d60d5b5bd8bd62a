"""The last hour, day and month, from the tally's rows alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from sagas.maintenance.tally import tally
from sagas.models import Attempt, Run, Tally
from sagas.monitoring.history import Counted, Range, quantile, read
from sagas.sql.tally import BOUNDS
from tests.support.sagas.ended import LOST, finished, grow_old, undone

pytestmark = pytest.mark.django_db(transaction=True)


def is_run(row: Counted) -> bool:
    return row.kind == "run"


@pytest.mark.parametrize("range_", Range)
def test_what_ended_now_is_at_the_last_point_and_what_ended_earlier_before_it(world, range_):
    tally()
    finished("earlier")
    tally()
    grow_old()
    Tally.objects.exclude(span=0).update(at=F("at") - 3 * range_.every)
    finished("now")
    undone(world, "undone")
    tally()
    history = read(range_)
    values = history.counts("runs", is_run).values
    assert len(values) == len(history.times) == range_.points
    assert [value for value in values if value] in ([1.0, 2.0], [1.0, 1.0, 1.0]), "a minute may end meanwhile"
    assert sum(value or 0 for value in values) == 3
    assert values[-1] or values[-2]


def test_it_reads_the_tally_alone(world):
    finished()
    tally()
    with CaptureQueriesContext(connection) as seen:
        read(Range.MONTH)
    assert len(seen) == 2
    assert not any("saga_run" in query["sql"] or "saga_attempt" in query["sql"] for query in seen)


def test_retries_by_participant(world):
    tally()
    world.faults["fetch"], world.faults["think"] = [LOST], [LOST]
    finished()
    tally()
    assert [
        (course.name, sum(value or 0 for value in course.values))
        for course in read(Range.HOUR).retries_by_participant()
    ] == [("shop", 1)]


def test_the_steps_with_the_most_come_first(world):
    tally()
    world.faults["fetch"], world.faults["think"] = [LOST], [LOST, LOST]
    finished()
    tally()
    history = read(Range.HOUR)
    assert history.most(lambda row: row.outcome == "in_doubt", 5) == [("errand", "think"), ("errand", "fetch")]
    assert history.most(lambda row: row.outcome == "in_doubt", 1) == [("errand", "think")]


def test_mean_and_quantiles_where_there_is_something(world):
    tally()
    run_id = finished()
    Run.objects.filter(pk=run_id).update(created_at=F("finished_at") - timedelta(seconds=20))
    Attempt.objects.update(started_at=F("ended_at") - timedelta(seconds=2))
    tally()
    history = read(Range.HOUR)
    assert [value for value in history.mean("mean", is_run).values if value is not None] == [pytest.approx(20)]
    assert [value for value in history.quantile("p50", 0.5, is_run).values if value is not None] == [20.0]


def test_a_quantile_is_interpolated_within_its_bucket():
    def histogram(**counts: int) -> list[int]:
        buckets = [0] * (len(BOUNDS) + 1)
        for bound, count in counts.items():
            buckets[BOUNDS.index(float(bound[1:]))] = count
        return buckets

    assert quantile(0.5, []) is None
    assert quantile(0.5, [histogram()]) is None
    assert quantile(0.5, [histogram(_5=4)]) == 2.5 + 2.5 / 2
    assert quantile(1.0, [histogram(_1=1), histogram(_10=1)]) == 10
    assert quantile(0.5, [histogram(_1=1), histogram(_10=1)]) == 1
    longer = [0] * len(BOUNDS) + [1]
    assert quantile(0.5, [longer]) == BOUNDS[-1]
