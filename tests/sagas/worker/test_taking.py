"""A process that takes: which runs, who carries them out, and what a call that takes its time holds up."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from sagas.declare.saga import Saga
from sagas.engine import taking
from sagas.engine.slow_starts import slow_starts
from sagas.models import Attempt, Run, Step
from sagas.participants.lookup import breakers
from sagas.worker import pace, promise, taker
from tests.support.sagas.driver import carry
from tests.support.sagas.errand import errand
from tests.support.sagas.hands import begin_many, outcomes_of, statuses
from tests.support.sagas.process import Process, completed, ends, hangs, lost
from tests.support.sagas.together import elsewhere
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
BEHIND = 64


# --- All goes well ---------------------------------------------------------------------------------------------------


def test_one_task_carries_all_that_wait_to_their_ends_and_sends_nothing(world, process, post):
    runs = begin_many(70)
    here = process()
    ends(here.take())
    assert statuses() == ["completed"] * 70
    assert post == []
    assert here.is_empty
    assert outcomes_of(runs[69]) == [(name, 1, "done") for name in ("fetch", "think", "wrap", "pay", "deliver")]


def test_a_run_at_a_step_that_is_slow_goes_by_its_own_message_and_now_and_then_one_is_taken(
    world, process, post, monkeypatch
):
    known = pace.Pace()
    known.note(errand.named("fetch"), 9.0)
    monkeypatch.setattr(taker, "pace", known)
    monkeypatch.setattr(taker, "SEEN_AGAIN", 0.0)
    told: list[Saga[Any]] = []
    monkeypatch.setattr(slow_starts, "remember", told.extend)
    runs = begin_many(3)
    ends(process().take())
    assert told == [errand]
    assert post.chains == Counter((str(run_id), "fetch") for run_id in runs)
    assert (world.log, Attempt.objects.exists()) == ([], False)
    monkeypatch.setattr(taker, "SEEN_AGAIN", 1.0)
    Run.objects.update(ready_at=Now())
    ends(process().take())
    assert statuses() == ["completed"] * 3


def test_it_promises_before_each_look_but_the_first_and_the_last(world, process, post, monkeypatch):
    """What starts after the last look, and before the promise is taken back, would have no message and no taker."""
    looks: list[tuple[bool, int]] = []
    real = taking.take

    def look(*arguments: Any) -> Any:
        promised = promise.stands()
        taken = real(*arguments)
        looks.append((promised, taken.found))
        return taken

    monkeypatch.setattr(promise, "STANDS_MS", 60_000)
    monkeypatch.setattr(taker, "take", look)
    begin_many(3)
    ends(process().take())
    assert looks == [(False, 3), *[(True, 0)] * taker.LOOKS_IN_VAIN, (False, 0)]
    assert not promise.stands()


def test_of_two_processes_neither_takes_what_the_other_has(world, process):
    begin_many(60)
    here = process()
    tasks = [here.take(), Process.take(there := process())]
    for task in tasks:
        ends(task)
    assert statuses() == ["completed"] * 60
    assert world.log.count("fetch") == 60
    assert not Attempt.objects.exclude(number=1, outcome="done").exists()
    assert here.is_empty
    assert there.is_empty


def test_while_one_thread_takes_another_that_is_told_to_ends_at_once_and_the_first_finds_the_run(world, process, gate):
    here = process()
    world.faults["fetch"] = [hangs(gate)]
    begin_many(1)
    first = here.take()
    until(lambda: here.taker._turn is None and here.taker._carried == 1, what="its turn is another thread's")
    world.faults["think"] = [hangs(gate)]
    begin_many(1, first=1)
    second = here.take()
    until(lambda: "fetch" in world.log)
    begin_many(1, first=2)
    ends(here.take())
    gate.set()
    for task in (first, second):
        ends(task)
    assert completed() == 3


# --- Calls that take their time --------------------------------------------------------------------------------------


def test_a_call_that_hangs_as_the_first_of_a_hand_costs_the_63_behind_it_nothing(world, process, post, gate):
    world.faults["fetch"] = [hangs(gate)]
    runs = begin_many(BEHIND)
    here = process()
    task = here.take()
    until(lambda: completed() == BEHIND - 1, 30, what="the others end")
    assert Run.objects.get(pk=runs[0]).status == "running"
    assert lost() == 0
    gate.set()
    ends(task)
    assert statuses() == ["completed"] * BEHIND
    assert not Attempt.objects.exclude(number=1, outcome="done").exists()
    assert here.is_empty


def test_a_call_that_hangs_as_the_last_of_a_hand_keeps_the_process_from_no_other_run(world, process, post, gate):
    world.faults["fetch"] = [None, hangs(gate)]
    begin_many(2)
    here = process()
    task = here.take()
    until(lambda: post.takes == 1, what="another thread is to take")
    begin_many(3, first=2)
    ends(here.take())
    assert statuses() == ["completed", "running", "completed", "completed", "completed"]
    gate.set()
    ends(task)
    assert completed() == 5
    assert here.is_empty


def test_where_every_thread_hangs_what_was_not_begun_goes_out_as_messages_of_its_own(world, process, post, gate):
    world.faults["fetch"] = [hangs(gate)] * 3
    runs = begin_many(10)
    here = process(size=2)
    task = here.take()
    until(lambda: len(post.chains) == 7, what="the others are given back")
    assert post.chains == Counter((str(run_id), "fetch") for run_id in runs[3:])
    free = Step.objects.filter(run_id__in=runs[3:], name="fetch")
    assert {(step.status, step.attempts) for step in free} == {("pending", 0)}
    assert not Attempt.objects.filter(run_id__in=runs[3:]).exists()
    for run_id in runs[3:]:
        assert carry(run_id).status == "completed"
    gate.set()
    ends(task)
    assert completed() == 10
    assert lost() == 0
    assert here.is_empty


def test_steps_in_mid_run_are_given_back_as_well(world, process, post, gate):
    world.faults["wrap"] = [hangs(gate)] * 2
    runs = begin_many(4)
    here = process(size=1)
    task = here.take()
    until(lambda: len(post.chains) == 2)
    assert post.chains == Counter((str(run_id), "wrap") for run_id in runs[2:])
    for run_id in runs[2:]:
        assert carry(run_id).status == "completed"
    gate.set()
    ends(task)
    assert completed() == 4
    assert world.log.count("wrap") == 4


def test_what_was_done_and_waits_for_its_record_behind_a_call_that_hangs_is_recorded(world, process, post, gate):
    world.faults["fetch"] = [None, hangs(gate), hangs(gate)]
    runs = begin_many(3)
    here = process(size=1)
    task = here.take()
    until(lambda: Step.objects.get(run_id=runs[0], name="fetch").status == "done", 30)
    gate.set()
    ends(task)
    for run_id in runs:
        assert carry(run_id).status == "completed"
    assert world.log.count("fetch") == 3
    assert lost() == 0


def test_a_run_that_somebody_holds_keeps_none_of_its_hand_waiting(world, process, post):
    runs = begin_many(8)
    here = process()
    step = threading.Event()
    world.faults["fetch"] = [None] * 3 + [lambda: step.wait(20)]
    task = here.take()
    with transaction.atomic():
        until(lambda: world.log.count("fetch") >= 3)
        Run.objects.select_for_update().get(pk=runs[3])
        step.set()
        until(lambda: elsewhere(completed) == 7, 30, what="the others end")
    ends(task)
    assert statuses() == ["completed"] * 8
    assert lost() == 0


# --- Participants ----------------------------------------------------------------------------------------------------


def test_once_its_breaker_has_opened_a_participant_is_asked_by_no_other_of_the_hand(world, process, post):
    world.faults["fetch"] = [ConnectionError("refused")] * 10
    runs = begin_many(10)
    here = process()
    ends(here.take())
    assert not breakers.of("shop").closed
    assert len(world.faults["fetch"]) == 7, "three failures open it"
    given = [chain for chain in post.chains if chain[1] == "fetch"]
    assert {run_id for run_id, _ in given} >= {str(run_id) for run_id in runs[3:]}
    assert Attempt.objects.count() == 3
    assert here.is_empty
