"""A run's place in the queue, from one reading a second for all who ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from sagas import desk
from sagas.models import Run
from sagas.participants import breaker
from sagas.participants.waiting import hold
from sagas.presentation import queue as module
from sagas.presentation.queue import Place, queue, read, waits_since
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand
from tests.support.sagas.queued import take

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]


@pytest.fixture
def runs() -> list[Run]:
    """Four that are ready, one after the other."""
    return [Run.objects.get(pk=begin(errand, Errand("bread"), key=f"key-{number}")) for number in range(4)]


def place(run: Run) -> Place | None:
    run.refresh_from_db()
    return queue.place_of(waits_since(run))


def ahead(run: Run) -> int | None:
    found = place(run)
    return None if found is None else found.ahead


def test_those_that_were_ready_before_are_ahead(runs: list[Run]) -> None:
    assert [ahead(run) for run in runs] == [0, 1, 2, 3]


def test_a_run_that_a_worker_took_waits_no_more_and_is_ahead_of_nobody(runs: list[Run]) -> None:
    take(runs[1])
    assert [ahead(run) for run in runs] == [0, None, 1, 2]


def test_a_run_that_is_paused_or_waits_for_a_participant_is_not_in_the_queue(runs: list[Run], admin_user: Any) -> None:
    desk.pause(runs[0].pk, actor=admin_user, reason="Look at it.", row_version=1)
    breaker.open_by_hand("shop", "ann: they moved house")
    assert hold(runs[2].pk, 0, undo=False, name="shop")
    assert [ahead(run) for run in runs] == [None, 0, None, 1]


def test_a_run_that_the_sweep_looked_at_still_waits(runs: list[Run]) -> None:
    Run.objects.update(rings=3, wake_at=F("wake_at") + timedelta(seconds=10))
    assert [ahead(run) for run in runs] == [0, 1, 2, 3]


def test_how_long_it_takes_is_told_by_the_runs_that_ended_of_late(runs: list[Run]) -> None:
    late = place(runs[3])
    assert late is not None
    assert late.seconds is None
    carry(runs[0].pk)
    queue.forget()
    late = place(runs[3])
    assert late is not None
    assert (late.ahead, late.seconds) == (2, 20.0)  # one in ten seconds
    Run.objects.update(finished_at=F("finished_at") - timedelta(seconds=11))
    queue.forget()
    late = place(runs[3])
    assert late is not None
    assert late.seconds is None


def test_no_more_are_counted_than_are_worth_it(runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED", 2)
    found = [place(run) for run in runs]
    assert [(one.ahead, one.is_long) for one in found if one] == [(0, False), (1, False), (2, True), (2, True)]


def test_many_who_ask_share_one_reading(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(module, "FRESH", 60.0)
    with django_assert_num_queries(1):
        for run in runs * 50:
            queue.place_of(waits_since(run))
    monkeypatch.setattr(module, "FRESH", 0.0)
    with django_assert_num_queries(2):
        for run in runs[:2]:
            queue.place_of(waits_since(run))


def test_who_does_not_wait_costs_no_reading(runs: list[Run], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert queue.place_of(None) is None


def test_the_statement_and_the_model_agree_on_what_waits(runs: list[Run]) -> None:
    take(runs[0])
    assert list(read().since) == [run.ready_at for run in runs[1:]]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {module.WAITS_SINCE} FROM saga_run r ORDER BY r.created_at")
        assert [since for (since,) in cursor.fetchall()] == [
            waits_since(run) for run in Run.objects.order_by("created_at")
        ]
