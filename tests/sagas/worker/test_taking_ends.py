"""Where runs go as a task that takes ends: in time, in haste, by an error, or without a word."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from celery.worker import state
from django.db import OperationalError
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from outbox import publish
from outbox.consuming import watermarks
from outbox.models import Queue
from outbox.sql import watermarks as marks
from outbox.testing import published
from sagas.maintenance import sweep
from sagas.models import Run, Step
from sagas.testing import time_passes
from sagas.worker import chains, in_hand, taker
from tests.support.hostapp.events import NobodyListens
from tests.support.sagas.driver import carry
from tests.support.sagas.errand import errand
from tests.support.sagas.hands import NAME, begin_many, outcomes_of, take_all
from tests.support.sagas.process import completed, ends, hangs
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


# --- Where runs go when a task ends ----------------------------------------------------------------------------------


def test_a_run_that_goes_back_to_the_queue_after_its_tasks_time_says_so(world, process, post, gate, settings):
    """Nobody takes any more when it does."""
    world.faults["fetch"] = [hangs(gate)]
    [run_id] = begin_many(1)
    here = process()
    task = here.take()
    until(lambda: post.takes == 1)
    ends(here.take())
    post.clear()
    settings.SAGAS_IN_PLACE_BUDGET = timedelta(0)
    gate.set()
    ends(task)
    run = Run.objects.get(pk=run_id)
    assert (run.position, run.wake_at, run.ready_at is not None) == (1, None, True)
    assert post.takes == 1
    settings.SAGAS_IN_PLACE_BUDGET = timedelta(seconds=5)
    ends(here.take())
    assert completed() == 1


def test_after_its_budget_a_task_has_another_one_go_on(world, process, post, settings):
    world.faults["fetch"] = [lambda: setattr(settings, "SAGAS_IN_PLACE_BUDGET", timedelta(0))]
    begin_many(5)
    here = process()
    ends(here.take())
    assert world.log == ["fetch"] * 5
    assert post.takes == 1
    assert Run.objects.filter(ready_at=None).count() == 0


def test_a_worker_that_is_stopping_leaves_its_runs_to_others_at_once(world, process, post, monkeypatch):
    world.faults["think"] = [lambda: monkeypatch.setattr(state, "should_stop", 0)]
    begin_many(5)
    here = process()
    ends(here.take())
    assert world.log == ["fetch"] * 5 + ["think"] * 5
    assert Run.objects.exclude(ready_at=None).count() == 5
    assert post.takes == 1
    monkeypatch.setattr(state, "should_stop", None)
    ends(process().take())
    assert completed() == 5


def test_what_a_worker_holds_as_it_has_to_end_is_free_at_once_and_no_attempt_is_counted(
    world, process, post, gate, monkeypatch
):
    hook = lambda ctx, _result: publish(NobodyListens(ctx.input.what))  # noqa: E731
    monkeypatch.setattr(errand.named("fetch"), "recorded_run", hook)
    world.faults["fetch"] = [hangs(gate)] * 3
    runs = begin_many(3)
    here = process()
    task = here.take()
    until(lambda: len(world.faults["fetch"]) == 0, what="all three are called")
    assert in_hand.put_down(NAME) == 3
    assert sweep.ring_overdue() == 3
    for run_id in runs:
        assert carry(run_id).status == "completed"
    gate.set()
    ends(task)
    first = Step.objects.filter(name="fetch")
    assert {(step.attempts, step.granted) for step in first} == {(2, 1)}
    assert {tuple(outcomes_of(run_id)[:2]) for run_id in runs} == {(("fetch", 1, "lost"), ("fetch", 2, "done"))}
    assert len(published(NobodyListens)) == 3, "what the first worker is told in the end it keeps to itself"


# --- Errors that end it ----------------------------------------------------------------------------------------------


def test_a_database_that_is_away_as_steps_are_given_back_leaves_them_to_their_leases(
    world, process, post, gate, monkeypatch
):
    def away(_steps: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(taker, "give_back", away)
    world.faults["fetch"] = [hangs(gate)] * 2
    runs = begin_many(5)
    here = process(size=1)
    task = here.take()
    until(lambda: here.taker._carried == 2, what="the others are out of its hands")
    gate.set()
    ends(task)
    assert here.is_empty
    assert Run.objects.filter(pk__in=runs[2:]).exclude(wake_at=None).count() == 3


def test_a_broker_that_is_away_as_chains_are_sent_leaves_the_others_in_hand(world, process, monkeypatch):
    def away(_chains: object) -> None:
        raise BrokerAway("the broker is away")

    begin_many(3)
    here = process()
    monkeypatch.setattr(taker, "send", away)
    Run.objects.filter(key="key-0").update(cancel_requested_at=Now())  # only its own message brings it
    ends(here.take())
    assert here.is_empty
    assert completed() == 2
    left = Run.objects.get(key="key-0")
    assert (left.ready_at, left.wake_at is not None, left.attempts.count()) == (None, True, 0), "the sweep sends it"


def test_a_participant_that_ends_the_thread_ends_the_task_and_leaves_nothing_in_hand(world, process, post):
    def ends_the_thread() -> None:
        raise SystemExit

    world.faults["fetch"] = [None, ends_the_thread]
    begin_many(4)
    here = process()
    with pytest.raises(SystemExit):
        ends(here.take())
    assert here.is_empty


def test_a_database_that_is_away_as_runs_are_taken_ends_the_task_and_the_next_one_takes(world, process, monkeypatch):
    def away(*_arguments: object) -> None:
        raise OperationalError("the database is away")

    begin_many(2)
    here = process()
    with monkeypatch.context() as patch:
        patch.setattr(taker, "take", away)
        with pytest.raises(OperationalError):
            ends(here.take())
    ends(here.take())
    assert completed() == 2


# --- Messages that are lost ------------------------------------------------------------------------------------------


def test_runs_whose_message_is_lost_are_brought_by_the_sweep(world, process, post):
    begin_many(3)
    assert sweep.ring_overdue() == 0
    assert post == []
    time_passes(timedelta(seconds=11))
    sweep.ring_overdue()
    assert post.takes == chains.TAKERS
    ends(process().take())
    assert completed() == 3


def test_while_nobody_works_the_sweep_sends_no_second_task_that_takes(world, process, post, monkeypatch):
    """Once its watermark says that workers have read the queue beyond the first ones, which were lost, it does."""
    queue = watermarks.queue_of(chains.TAKE_TASK)
    seen: list[list[str]] = []

    def send_due(queues: list[str]) -> None:
        seen.append(queues)
        marks.take_due(queues)

    monkeypatch.setattr(watermarks, "send_due", send_due)
    begin_many(3)
    time_passes(timedelta(seconds=11))
    for _ in range(5):
        sweep.ring_overdue()
    assert post.takes == chains.TAKERS
    assert [queue] in seen
    watermarks.record_passed(queue, timezone.now().isoformat())
    sweep.ring_overdue()
    assert post.takes == 2 * chains.TAKERS


def test_a_broker_that_did_not_take_them_gets_them_again(world, post, monkeypatch):
    def away(_sent):
        raise BrokerAway("away")

    begin_many(3)
    time_passes(timedelta(seconds=11))
    with monkeypatch.context() as broken:
        broken.setattr(sweep, "send", away)
        sweep.ring_overdue()
    sweep.ring_overdue()
    assert post.takes == chains.TAKERS


def test_one_run_by_itself_whose_message_is_lost_is_brought_by_its_own(world, post):
    [run_id] = begin_many(1)
    time_passes(timedelta(seconds=11))
    sweep.ring_overdue()
    assert Run.objects.get().ready_at is None, "no other is to take it"
    Queue.objects.update(passed_at=Now())  # what is in the queue now was sent after its message
    time_passes(timedelta(seconds=5))
    assert sweep.ring_overdue() == 1
    assert post.chains == Counter([(str(run_id), "fetch")])
    assert carry(run_id).status == "completed"


def test_runs_of_a_hand_whose_worker_was_killed_are_brought_after_their_leases(world, process, post):
    runs = begin_many(5)
    take_all()  # and nothing more is heard of it
    assert sweep.ring_overdue() == 0
    time_passes(timedelta(seconds=9))
    assert sweep.ring_overdue() == 5
    for run_id in runs:
        assert carry(run_id).status == "completed"
        assert outcomes_of(run_id)[:2] == [("fetch", 1, "lost"), ("fetch", 2, "done")]


def test_a_task_that_takes_is_killed_when_no_step_of_it_can_be_at_work_any_more(world):
    limit = chains.take_task().options["time_limit"]
    assert limit >= max(chains.task_seconds(step) for step in errand.steps)
