"""The engine's metrics say how it stands and what has ended; their number does not grow with the runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from outbox.monitoring.samples import Histogram
from sagas import Retry
from sagas.maintenance import prune
from sagas.maintenance.tally import tally
from sagas.models import Breaker, Run, Tally
from sagas.monitoring import metrics as module
from sagas.monitoring.metrics import metrics
from sagas.sql import gauges
from tests.support.sagas import errand as module_of_errand
from tests.support.sagas.driver import begin, carry_until_asked
from tests.support.sagas.ended import LOST, finished, grow_old, stuck, undone
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
FINISHED_AND_OPEN = """
INSERT INTO saga_run (id, name, version, key, subject, input, status, resolution, code, reason, position, rings,
                      request_id, traceparent, row_version, created_at, updated_at)
SELECT gen_random_uuid(), 'past', 1, n::text, '', '{}',
       (ARRAY['running', 'undoing', 'stuck', 'completed'])[1 + n % 4], '', '', '', 0, 0, '', '', 1, now(), now()
FROM generate_series(1, 2000) AS n
"""


@pytest.fixture(autouse=True)
def _counted_from_now_on(world):
    tally()


def values(name: str) -> dict[tuple[str, ...], Any]:
    tally()
    return dict(next(one for one in metrics() if one.name == name).values)


def test_open_runs_by_saga_and_status_and_those_that_are_asked_for_are_stuck(world, settings, monkeypatch):
    begin(errand, Errand("milk"), "running")
    stuck(world, "stuck")
    monkeypatch.setattr(module_of_errand.deliver, "retry", Retry.until_done())
    settings.SAGAS_ASK_AFTER = 3
    world.faults["deliver"] = [LOST] * 5
    carry_until_asked(begin(errand, Errand("milk"), "asks"))
    runs = values("saga_runs")
    assert (runs["errand", "running"], runs["errand", "undoing"], runs["errand", "stuck"]) == (1, 0, 2)
    assert runs["checkout", "stuck"] == 0, "a saga without runs is there too, so that an alert of it ends"
    Run.objects.filter(key="asks").update(created_at=F("created_at") - timedelta(hours=2))
    assert values("saga_oldest_on_desk_seconds")[()] == pytest.approx(7200, abs=60)


def test_what_has_ended_stays_when_it_is_pruned(world):
    finished("done")
    undone(world, "undone")
    world.faults["fetch"] = [LOST]
    finished("retried")
    ended = {("errand", "completed"): 2, ("errand", "compensated"): 1}
    assert values("saga_runs_ended_total") == ended
    grow_old()
    prune.prune_runs()
    assert values("saga_runs_ended_total") == ended
    attempts = values("saga_attempts_total")
    assert attempts["errand", "pay", "step", "refused"] == 1
    assert attempts["errand", "wrap", "undo", "done"] == 1
    assert attempts["errand", "fetch", "step", "in_doubt"] == 1
    assert values("saga_retries_total")["shop",] == 1, "fetch calls the shop; the others call nobody"
    took = values("saga_attempt_seconds")["errand", "fetch", "step"]
    assert isinstance(took, Histogram)
    assert sum(took.counts) == 4
    assert took.up_to()[-1] == ("+Inf", 4)


def test_an_attempt_whose_worker_was_lost_counts_and_has_no_duration(world):
    finished()
    tally()
    Tally.objects.filter(name="pay").update(outcome="lost")
    assert values("saga_attempts_total")["errand", "pay", "step", "lost"] == 1
    assert ("errand", "pay", "step") not in values("saga_attempt_seconds")


def test_participants_their_breakers_and_who_waits_for_them(world):
    begin(errand, Errand("milk"), "waits")
    Run.objects.update(waits_for="shop", ready_at=None)
    begin(errand, Errand("milk"), "ready")
    Breaker.objects.create(name="shop", state="open")
    breakers = values("saga_breaker_state")
    assert (breakers["shop", "open"], breakers["shop", "closed"]) == (1, 0)
    assert (breakers["payments", "open"], breakers["payments", "closed"]) == (0, 1), "it has never failed, nor a row"
    waiting = values("saga_runs_waiting")
    assert (waiting["shop",], waiting["payments",]) == (1, 0)
    assert values("saga_runs_ready")[()] == 1


def test_counting_ends_at_a_bound(world, monkeypatch):
    for key in "abc":
        begin(errand, Errand("milk"), key)
    monkeypatch.setattr(module, "COUNTED", 2)
    assert values("saga_runs")["errand", "running"] == 2
    assert values("saga_runs_ready")[()] == 2


def test_the_age_of_the_canary_is_missing_until_one_has_completed(world):
    assert values("saga_canary_age_seconds") == {}
    finished("no canary")
    assert values("saga_canary_age_seconds") == {}
    hour_ago = timezone.now() - timedelta(hours=1)
    Tally.objects.filter(span=0, kind="run").update(saga="canary", last_at=hour_ago)
    assert values("saga_canary_age_seconds")[()] == pytest.approx(3600, abs=60)


def test_the_age_of_the_counts_is_told(world):
    tally()
    assert next(one for one in metrics() if one.name == "saga_tally_age_seconds").values[()] < 10  # type: ignore[operator]


def test_more_runs_make_no_more_samples(world):
    def samples() -> int:
        tally()
        return sum(len(one.values) for one in metrics())

    finished("a")
    before = samples()
    for key in "bcd":
        finished(key)
    assert samples() == before


def test_counting_open_runs_reads_the_index_of_what_is_open_and_not_the_table():
    with connection.cursor() as cursor:
        cursor.execute(FINISHED_AND_OPEN)
        cursor.execute("ANALYZE saga_run")
        cursor.execute(f"EXPLAIN {gauges.OPEN_RUNS}", {"counted": 10})
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert "Index Scan using saga_run_status" in plan
    assert "Seq Scan" not in plan
