"""A worker that starts again under its name frees what the one before it died with, and nothing else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from sagas import Refused
from sagas.engine import executor
from sagas.engine.continuation import CONTINUE, STOP
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run, Step
from sagas.worker.restart import free_steps_of_predecessor
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "test"
"""The name of the driver's worker."""


def dies():
    raise KeyboardInterrupt


def abandoned(world, name="fetch"):
    """A run whose current step's worker died."""
    run_id = begin(errand, Errand("milk"))
    world.faults[name] = [dies]
    with pytest.raises(KeyboardInterrupt):
        step_once(run_id)
    return Run.objects.get(pk=run_id)


def due(run):
    return Run.objects.filter(pk=run.pk, wake_at__lte=timezone.now()).exists()


def test_the_step_that_it_died_with_is_due_at_once(world):
    run = abandoned(world)
    assert not due(run), "the lease must not be over for this test to mean anything"
    assert step_once(run.id) == STOP
    free_steps_of_predecessor(sender=NAME)
    assert due(run)
    run = carry(run.id)
    assert run.status == "completed"
    assert [attempt.outcome for attempt in run.attempts.filter(step="fetch")] == ["lost", "done"]


def test_an_undo_that_it_died_with_is_due_at_once(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("no")]
    world.faults["bring_back"] = [dies]
    with pytest.raises(KeyboardInterrupt):
        carry(run_id)
    assert step_once(run_id) == STOP
    free_steps_of_predecessor(sender=NAME)
    assert carry(run_id).status == "compensated"


def test_another_workers_step_stays_its_own(world):
    run = abandoned(world)
    free_steps_of_predecessor(sender="another")
    assert Run.objects.get().wake_at == run.wake_at
    assert step_once(run.id) == STOP


def test_the_sweep_rings_it(world):
    abandoned(world)
    assert ring_overdue() == 0
    free_steps_of_predecessor(sender=NAME)
    assert ring_overdue() == 1


def test_should_it_live_after_all_it_writes_nothing(world):
    run_id = begin(errand, Errand("milk"))

    def taken_from_it():
        free_steps_of_predecessor(sender=NAME)
        assert executor.run_step(link(Run.objects.get(), "fetch")) == CONTINUE

    world.faults["fetch"] = [taken_from_it]
    assert step_once(run_id) == STOP
    assert [attempt.outcome for attempt in Run.objects.get().attempts.order_by("id")] == ["lost", "done"]


def test_what_waits_for_its_next_attempt_goes_on_waiting(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [TimeoutError("no answer")]
    step_once(run_id)
    before = Step.objects.get(name="fetch").next_attempt_at
    free_steps_of_predecessor(sender=NAME)
    assert Step.objects.get(name="fetch").next_attempt_at == before
    assert not due(Run.objects.get())


def test_a_database_that_is_away_stops_no_worker_from_starting(world, caplog, monkeypatch):
    from django.db import OperationalError

    from sagas import sql

    def away(*_):
        raise OperationalError("the database system is starting up")

    monkeypatch.setattr(sql.Statement, "count", away)
    free_steps_of_predecessor(sender=NAME)
    assert "saga.predecessor_not_asked_for" in caplog.text
