"""Races of one run, over two real connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from sagas import TooLate
from sagas.engine import executor
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(monkeypatch):
    from tests.support.sagas import errand as module

    fresh = module.World()
    monkeypatch.setattr(module, "world", fresh)
    return fresh


def at_once(*acts):
    """Run the functions in threads that start together; their results, exceptions included, in order."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        try:
            barrier.wait(10)
            return act()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_of_many_workers_that_meet_one_step_one_runs_it(world):
    begin(errand, Errand("milk"))
    run = Run.objects.get()
    results = at_once(*[lambda: executor.run_step(link(run, "fetch"))] * 6)
    assert not [one for one in results if isinstance(one, Exception)]
    assert world.log == ["fetch"]
    assert run.attempts.count() == 1


@pytest.mark.parametrize("round_", range(8))
def test_of_cancel_and_pivot_exactly_one_wins(world, round_):
    run_id = begin(errand, Errand("milk"))
    for _ in range(3):
        step_once(run_id)
    run = Run.objects.get()
    cancel = lambda: errand.cancel("key-1", reason="changed my mind", actor="customer")  # noqa: E731
    cancelled, _ = at_once(cancel, lambda: executor.run_step(link(run, "pay")))
    ended = carry(run_id)
    if isinstance(cancelled, TooLate):
        assert ended.status == "completed"
        assert "pay" in world.applied
    else:
        assert cancelled is None
        assert ended.status == "compensated"
        assert world.applied == {"think"}


def test_two_starts_of_one_key_make_one_run(world):
    def start():
        with transaction.atomic():
            return errand.start(Errand("milk"), key="one")

    first, second = at_once(start, start)
    assert first == second
    assert Run.objects.count() == 1


def test_two_sweeps_ring_each_overdue_run_once(world, monkeypatch):
    rung: list[str] = []
    monkeypatch.setattr("sagas.maintenance.sweep.send", lambda sent: rung.extend(one.tasks[0].args[0] for one in sent))
    ids = {str(begin(errand, Errand("milk"), key=str(number))) for number in range(20)}
    Run.objects.update(wake_at="2020-01-01T00:00:00Z")
    at_once(ring_overdue, ring_overdue, ring_overdue)
    assert len(rung) == len(ids)
    assert set(rung) == ids


def test_claims_records_and_cancels_of_one_run_never_deadlock(world):
    for number in range(10):
        run_id = begin(errand, Errand("milk"), key=str(number))
        run = Run.objects.get(pk=run_id)

        def carry_on(run=run):
            return [executor.run_step(link(run, step.name)) for step in errand.steps]

        cancel = lambda key=str(number): errand.cancel(key, reason="no", actor="customer")  # noqa: E731
        results = at_once(carry_on, carry_on, cancel)
        assert [r for r in results if isinstance(r, Exception) and not isinstance(r, TooLate)] == []
        assert carry(run_id).status in {"completed", "compensated"}
