"""Move a run to a newer version of its saga."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from outbox.models import OutboxMessage
from sagas import Refused, Retry, Saga, StepContext, WrongState, desk
from sagas.declare import registry
from sagas.engine import executor
from sagas.engine.continuation import STOP
from sagas.errors import SagaError
from sagas.models import Run
from tests.support.sagas.clock import let_the_lease_run_out
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import Errand

pytestmark = pytest.mark.django_db(transaction=True)
ONCE = Retry(attempts=1)


@dataclass(frozen=True)
class Longer:
    what: str
    since: int


Declare = Callable[..., Saga[Any]]


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def called() -> list[str]:
    return []


@pytest.fixture
def declare(called: list[str]) -> Iterator[Declare]:
    """`declare(2, "fetch", "pay!", "deliver")`: version 2 of a saga of those steps, the pivot marked by `!`; a step's
    name is what it is called by and, with its version, what is noted when it is called."""
    made: list[Saga[Any]] = []

    def make(version: int, *names: str, input_type: Any = Errand, returns: Any = str) -> Saga[Any]:
        saga: Saga[Any] = Saga[input_type]("moving", version=version)

        def add(name: str) -> None:
            def run(ctx: StepContext[Any]) -> Any:
                called.append(f"{name.rstrip('!')} {version}")
                if faults and faults[0][0] == name.rstrip("!"):
                    raise faults.pop(0)[1]
                return "x"

            run.__name__ = name.rstrip("!")
            run.__annotations__["return"] = returns
            saga.pivot(retry=ONCE)(run) if name.endswith("!") else saga.step(undo=None, retry=ONCE)(run)

        for name in names:
            add(name)
        made.append(saga)
        return saga

    faults: list[tuple[str, Exception]] = []
    make.faults = faults  # type: ignore[attr-defined]
    yield make
    for saga in made:
        registry.forget(saga)


def names(run: Run) -> list[str]:
    return [step.name for step in run.steps.all()]


def test_a_run_goes_on_by_the_newer_list(declare, called, ann):
    old = declare(1, "fetch", "pay!", "deliver")
    run_id = begin(old, Errand("milk"))
    step_once(run_id)
    declare(2, "fetch", "insure", "pay!", "deliver", "thank")
    OutboxMessage.objects.all().delete()
    desk.move(run_id, actor=ann, reason="insured from today", version=2)
    run = Run.objects.get()
    assert (run.version, run.pivot, run.status) == (2, 2, "running")
    assert names(run) == ["fetch", "insure", "pay", "deliver", "thank"]
    assert '"version":2' in OutboxMessage.objects.get().payload.replace(" ", "")
    assert carry(run_id).status == "completed"
    assert called == ["fetch 1", "insure 2", "pay 2", "deliver 2", "thank 2"]


def test_a_stuck_run_stays_stuck_and_is_retried_on_the_newer_version(declare, called, ann):
    run_id = begin(declare(1, "fetch", "pay!", "deliver"), Errand("milk"))
    declare.faults.append(("deliver", Refused("nobody_home")))
    carry(run_id)
    declare(2, "fetch", "pay!", "hand_over")
    desk.move(run_id, actor=ann, reason="handed over from today", version=2)
    assert Run.objects.get().status == "stuck"
    desk.retry_now(run_id, actor=ann, reason="go on")
    assert carry(run_id).status == "completed"
    assert called[-1] == "hand_over 2"


def test_the_record_holds_both_lists(declare, ann):
    run_id = begin(declare(1, "fetch", "pay!"), Errand("milk"))
    declare(2, "look", "fetch", "pay!")
    desk.move(run_id, actor=ann, reason="look first", version=2)
    act = Run.objects.get().acts.get()
    assert (act.before["version"], act.before["steps"]) == (1, ["fetch", "pay"])
    assert (act.after["version"], act.after["steps"]) == (2, ["look", "fetch", "pay"])


@pytest.mark.parametrize(
    ("done", "newer", "sentence"),
    [
        (1, ["look", "fetch", "pay!"], "Done or asked for already: fetch. Version 2 begins with look; they must be"),
        (2, ["fetch", "insure", "pay!"], "already: fetch, pay. Version 2 begins with fetch, insure; they must be"),
        (2, ["fetch", "pay!"], "Version 2 has no step left to do after pay."),
        (2, ["fetch", "pay", "insure!"], "The point of no return of version 2 is insure, that of this run is another"),
        (1, ["fetch!", "pay", "deliver"], "The point of no return of version 2 is fetch, that of this run is another"),
    ],
)
def test_a_list_that_does_not_continue_what_was_done_is_refused(declare, ann, done, newer, sentence):
    run_id = begin(declare(1, "fetch", "pay!", "deliver"), Errand("milk"))
    for _ in range(done):
        step_once(run_id)
    before = Run.objects.get()
    declare(2, *newer)
    with pytest.raises(desk.DoesNotFit) as refused:
        desk.move(run_id, actor=ann, reason="x", version=2)
    assert sentence in str(refused.value)
    after = Run.objects.get()
    assert (after.version, after.row_version, names(after)) == (1, before.row_version, names(before))
    assert not after.acts.exists()


def test_a_step_that_was_asked_for_keeps_its_name(declare, ann):
    run_id = begin(declare(1, "fetch", "pay!", "deliver"), Errand("milk"))
    for _ in range(2):
        step_once(run_id)
    declare.faults.append(("deliver", TimeoutError("no answer")))
    step_once(run_id)
    declare(2, "fetch", "pay!", "hand_over")
    with pytest.raises(
        desk.DoesNotFit, match=r"already: fetch, pay, deliver\. Version 2 begins with fetch, pay, hand_o"
    ):
        desk.move(run_id, actor=ann, reason="x", version=2)


def test_an_input_or_a_result_that_the_newer_version_cannot_read_is_refused(declare, ann):
    run_id = begin(declare(1, "fetch", "pay!"), Errand("milk"))
    step_once(run_id)
    declare(2, "fetch", "pay!", input_type=Longer)
    declare(3, "fetch", "pay!", returns=int)
    with pytest.raises(
        desk.DoesNotFit, match="The run's input does not fit version 2: Object missing required field `"
    ):
        desk.move(run_id, actor=ann, reason="x", version=2)
    with pytest.raises(desk.DoesNotFit, match="The result does not fit what fetch returns, int"):
        desk.move(run_id, actor=ann, reason="x", version=3)


def test_only_a_newer_version_that_is_declared_here_will_do(declare, ann):
    run_id = begin(declare(2, "fetch", "pay!"), Errand("milk"))
    declare(1, "fetch", "pay!")
    for version in (1, 2):
        with pytest.raises(desk.DoesNotFit, match="on version 2 of moving; it moves to a newer one only, not to versi"):
            desk.move(run_id, actor=ann, reason="x", version=version)
    with pytest.raises(SagaError, match="Saga moving, version 3, is not declared here"):
        desk.move(run_id, actor=ann, reason="x", version=3)


def test_a_run_that_is_being_undone_stays_on_its_version(declare, ann):
    saga = declare(1, "fetch", "pay!")
    saga.steps[0].undo_run = lambda ctx: None
    run_id = begin(saga, Errand("milk"))
    step_once(run_id)
    desk.compensate(run_id, actor=ann, reason="x")
    declare(2, "fetch", "pay!", "thank")
    with pytest.raises(
        WrongState, match=r"Cannot move: the run is being undone\. What was done is undone by the version"
    ):
        desk.move(run_id, actor=ann, reason="x", version=2)
    assert carry(run_id).status == "compensated"


def test_a_run_whose_old_version_is_no_longer_declared_is_moved(declare, ann):
    old = declare(1, "fetch", "pay!")
    run_id = begin(old, Errand("milk"))
    step_once(run_id)
    registry.forget(old)
    declare(2, "fetch", "pay!", "thank")
    desk.move(run_id, actor=ann, reason="x", version=2)
    assert carry(run_id).status == "completed"


def test_a_finished_run_is_not_moved(declare, ann):
    run = carry(begin(declare(1, "fetch", "pay!"), Errand("milk")))
    declare(2, "fetch", "pay!", "thank")
    with pytest.raises(WrongState, match=r"Cannot move: the run is completed\."):
        desk.move(run.id, actor=ann, reason="x", version=2)


def test_a_link_of_the_old_version_that_is_still_on_its_way_does_nothing(declare, called, ann):
    run_id = begin(declare(1, "fetch", "pay!", "deliver"), Errand("milk"))
    step_once(run_id)
    late = link(Run.objects.get(), "pay")
    declare(2, "fetch", "insure", "pay!", "deliver")
    desk.move(run_id, actor=ann, reason="insured from today", version=2)
    assert executor.run_step(late) == STOP
    assert called == ["fetch 1"], "the second step of version 2 is insure; the old link would pay in its place"


@pytest.mark.parametrize("position", [0, 1])
def test_a_worker_that_comes_after_its_lease_goes_on_by_no_older_list(declare, called, ann, monkeypatch, position):
    older = declare(1, "fetch", "pay!")
    declare(2, "fetch", "pay!", "deliver") if position else declare(2, "fetch", "insure", "pay!")
    run_id = begin(older, Errand("milk"))
    for _ in range(position):
        step_once(run_id)
    name = older.steps[position].name

    def slow(_ctx: StepContext[Any]) -> str:
        let_the_lease_run_out(name)
        desk.move(run_id, actor=ann, reason="from today", version=2)
        return "x"

    monkeypatch.setattr(older.steps[position], "run", slow)
    assert executor.run_step(link(Run.objects.get(), name, ahead=lambda _step: "next")) == STOP
    run = Run.objects.get()
    assert (run.status, run.position, run.steps.get(position=position).status) == ("running", position, "waiting")
    desk.retry_now(run_id, actor=ann, reason="its one attempt was lost")
    assert carry(run_id).status == "completed"
    assert [one for one in called if one.endswith("2")] == [f"{one.name} 2" for one in run.steps.all()[position:]]
