"""A process takes runs that wait for any worker: no call holds up the others, and nothing is left behind."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from django.db import OperationalError, connections, transaction
from django.db.models.functions import Now

from outbox import publish
from outbox.models import Queue
from outbox.testing import published
from sagas.maintenance import sweep
from sagas.models import Attempt, Run, Step
from sagas.participants.lookup import breakers
from sagas.testing import time_passes
from sagas.worker import chains, crew, in_hand, in_place, pace, taker
from sagas.worker import hand as hand_module
from tests.support.hostapp.events import NobodyListens
from tests.support.sagas.driver import carry
from tests.support.sagas.errand import errand
from tests.support.sagas.hands import NAME, begin_many, outcomes_of, statuses, take_all
from tests.support.sagas.together import elsewhere
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
BEHIND = 64


class Post(list[Any]):
    """What went out as messages."""

    def __call__(self, signatures: Any) -> None:
        self.extend(signatures)

    @property
    def takes(self) -> int:
        """How many say that there is work."""
        return sum(one.task == chains.TAKE_TASK for one in self if not hasattr(one, "tasks"))

    @property
    def chains(self) -> Counter[tuple[str, str]]:
        """The chains, each as its run and its first step."""
        return Counter((one.tasks[0].args[0], one.tasks[0].args[-1]) for one in self if hasattr(one, "tasks"))


class Process:
    """A worker process: threads that tasks run in, and what belongs to the process."""

    def __init__(self, size: int) -> None:
        self.taker, self.crew = taker.Taker(), crew.Crew()
        self.crew.size, self.crew.when_idle = size, self.taker.look_again
        self.tasks: list[Future[None]] = []

    def take(self) -> Future[None]:
        """One of its threads has the task."""
        task: Future[None] = Future()

        def run() -> None:
            try:
                request = SimpleNamespace(hostname=NAME, id="the task", root_id="root")
                self.taker.work(SimpleNamespace(request=request))  # type: ignore[arg-type]
            except BaseException as error:
                task.set_exception(error)
            else:
                task.set_result(None)
            finally:
                connections.close_all()

        self.tasks.append(task)
        threading.Thread(target=run, daemon=True).start()  # one that never ends fails its test, and holds up no other
        return task

    @property
    def is_empty(self) -> bool:
        """Whether nothing of any run is left in it."""
        return self.taker._carried == 0 and not in_hand._runs and self.crew.idle == self.crew.size

    def ends(self) -> None:
        wait(self.tasks, 10)
        if self.crew._threads is not None:
            self.crew._threads.shutdown()
        gc.collect()  # with a thread goes its connection


@pytest.fixture
def post(monkeypatch) -> Post:
    post = Post()
    for module in (taker, in_place, sweep):
        monkeypatch.setattr(module, "send", post)
    return post


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Participants that wait for it go on, at the latest, with the end of the test."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def process(monkeypatch, post, gate) -> Iterator[Callable[..., Process]]:
    """`process(size=2)`: a worker process whose crew has so many threads; of several the last one is this one."""
    monkeypatch.setattr(hand_module, "pace", pace.Pace())
    monkeypatch.setattr(pace, "SLOW", 5.0)  # on a busy machine too no step of these is
    monkeypatch.setattr(hand_module, "LATE", 5.0)
    started: list[Process] = []

    def start(size: int = 2) -> Process:
        started.append(Process(size))
        monkeypatch.setattr(taker, "crew", started[-1].crew)
        return started[-1]

    yield start
    gate.set()
    for one in started:
        one.ends()


def hangs(gate: threading.Event) -> Callable[[], None]:
    def call() -> None:
        assert gate.wait(60)

    return call


def completed() -> int:
    return Run.objects.filter(status="completed").count()


def lost() -> int:
    return Attempt.objects.filter(outcome="lost").count()


def ends(task: Future[None]) -> None:
    task.result(30)


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
    runs = begin_many(3)
    ends(process().take())
    assert post.chains == Counter((str(run_id), "fetch") for run_id in runs)
    assert (world.log, Attempt.objects.exists()) == ([], False)
    monkeypatch.setattr(taker, "SEEN_AGAIN", 1.0)
    Run.objects.update(ready_at=Now())
    ends(process().take())
    assert statuses() == ["completed"] * 3


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
