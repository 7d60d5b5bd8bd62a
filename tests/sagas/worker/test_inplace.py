"""Steps that a worker runs one after the other in one task: recorded and taken in one commit, fenced as ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from celery.exceptions import Retry
from celery.worker import state
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from kombu.exceptions import OperationalError

from sagas import Refused, RetryAfter, tasks
from sagas.models import Attempt, Run, Step
from sagas.worker import flower_events, in_place
from tests.support.sagas.clock import LONG_AGO, woken_in
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")
FORWARD = ["fetch", "think", "wrap", "pay", "deliver"]


class Sent(list[Any]):
    """The chains that went out as messages, as (first step, how many links, options of the first)."""

    def __call__(self, chains):
        for links in chains:
            first = links.tasks[0]
            self.append((first.task, [link.args[-1] for link in links.tasks], first.options))


@pytest.fixture
def sent(monkeypatch):
    chains = Sent()
    monkeypatch.setattr(in_place, "send", chains)
    monkeypatch.setattr(in_place, "send_next", lambda _chain: False)  # what is left is looked at
    return chains


@pytest.fixture
def seen(monkeypatch):
    """The task events that Flower gets, of a worker that sends them."""

    events: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(flower_events.gathered, "add", lambda _hostname, event: events.append(event))
    return events


def task_at(run_id: UUID, name: str, task=tasks.run_step, headers=None):
    """Run one Celery task as a worker does; what is left of the chain that it carried."""
    arguments = (str(run_id), "errand", 1, name)
    request = {"id": "first", "root_id": "root", "hostname": "test", "headers": headers or {}, "chain": ["the", "rest"]}
    task.push_request(called_directly=False, args=arguments, kwargs={}, **request)
    try:
        task.run(*arguments)
        return task.request.chain
    finally:
        task.pop_request()


def test_one_task_carries_a_run_to_its_end_and_nothing_of_its_chain_is_published(world, sent):
    run_id = begin(errand, Errand("milk"))
    assert task_at(run_id, "fetch") is None
    assert Run.objects.get().status == "completed"
    assert world.log == FORWARD
    assert sent == []
    attempts = Attempt.objects.order_by("id")
    assert [(a.step, a.number, a.outcome) for a in attempts] == [(name, 1, "done") for name in FORWARD]
    assert len({a.task_id for a in attempts}) == 5, "each step is a task of its own to Flower"
    assert world.recorded == [f"fetch of {world.keys['fetch'].pop()[-8:]}"]


def test_a_step_in_place_costs_one_statement_and_one_commit(world, sent):
    run_id = begin(errand, Errand("milk"))
    task_at(run_id, "fetch")  # prepares the statements on this connection
    run_id = begin(errand, Errand("milk"), key="key-2")
    seen: list[list[str]] = []
    with CaptureQueriesContext(connection) as captured:
        world.faults["think"] = [lambda: seen.append([q["sql"] for q in captured])]
        world.faults["wrap"] = [lambda: seen.append([q["sql"] for q in captured])]
        task_at(run_id, "fetch")
    think, wrap = seen
    assert [sql.split()[1] for sql in wrap[len(think) :]] == ["saga_record_and_claim"]


def test_what_is_recorded_and_what_is_taken_commit_together(world, sent, monkeypatch):
    run_id = begin(errand, Errand("milk"))

    def full(_ctx, _result):
        assert Step.objects.get(name="think").status == "running", "taken in this transaction"
        raise RuntimeError("the host's table is full")

    monkeypatch.setattr(errand.named("fetch"), "recorded_run", full)
    with pytest.raises(Retry):
        task_at(run_id, "fetch")
    assert (Step.objects.get(name="fetch").status, Step.objects.get(name="think").status) == ("waiting", "pending")
    assert world.log == ["fetch"]


def test_an_earlier_result_that_the_worker_knows_is_not_read_again(world, sent):
    run_id = begin(errand, Errand("milk"))
    with CaptureQueriesContext(connection) as captured:
        task_at(run_id, "fetch")
    assert not [q for q in captured if "saga_result" in q["sql"]]
    results = dict(Step.objects.values_list("name", "result"))
    assert str(results["deliver"]).endswith(f"after {results['pay']}")


def test_a_wait_in_place_goes_out_as_a_chain_of_its_own_under_the_same_task(world, sent, seen):
    run_id = begin(errand, Errand("milk"))
    world.faults["wrap"] = [LOST]
    assert task_at(run_id, "fetch") is None
    [(task, names, options)] = sent
    assert (task, names) == ("sagas.run_step", ["wrap", "pay", "deliver"])
    assert 0 < options["countdown"] < 0.1
    assert options["task_id"] == Attempt.objects.get(step="wrap").task_id
    assert [kind for kind, fields in seen if fields["uuid"] == options["task_id"]][-1] == "task-retried"
    assert carry(run_id).status == "completed"
    assert world.log == FORWARD


def test_a_retry_by_celery_says_when_it_is_sent_itself(world, sent):
    world.faults["fetch"] = [RetryAfter(timedelta(seconds=1), "busy")]
    with pytest.raises(Retry) as retried:
        task_at(begin(errand, Errand("milk")), "fetch", headers={"traceparent": "kept", "sent_at": 1.0})
    again: Any = retried.value  # has more than the type stubs say
    headers = again.sig.options["headers"]
    assert headers["traceparent"] == "kept"
    assert headers["sent_at"] > 1.0


def test_a_long_wait_in_place_is_left_to_the_sweep(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["wrap"] = [RetryAfter(timedelta(minutes=10), "closed")]
    assert task_at(run_id, "fetch") is None
    assert sent == []
    assert woken_in(run_id) > 200, "the run's deadline is nearer than the ten minutes"


def test_a_refusal_in_place_sends_the_undo(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("card_declined")]
    assert task_at(run_id, "fetch") is None
    assert [(task, names) for task, names, _ in sent] == [("sagas.undo_step", ["wrap", "fetch"])]


def test_undos_run_in_place_too(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("card_declined")]
    task_at(run_id, "fetch")
    sent.clear()
    assert task_at(run_id, "wrap", tasks.undo_step) is None
    assert Run.objects.get().status == "compensated"
    assert world.log[-2:] == ["unwrap", "bring_back"]
    assert sent == []


def test_a_failing_undo_in_place_is_tried_again_by_a_chain_of_its_own(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["bring_back"] = [LOST]
    task_at(run_id, "fetch")
    sent.clear()
    task_at(run_id, "wrap", tasks.undo_step)
    assert [(task, names) for task, names, _ in sent] == [("sagas.undo_step", ["fetch"])]
    assert carry(run_id).status == "compensated"


def test_after_its_budget_a_worker_leaves_the_rest_to_a_message(world, sent, settings):
    run_id = begin(errand, Errand("milk"))
    world.faults["think"] = [lambda: setattr(settings, "SAGAS_IN_PLACE_BUDGET", timedelta(0))]
    assert task_at(run_id, "fetch") is None
    assert world.log == ["fetch", "think"]
    assert [(task, names) for task, names, _ in sent] == [("sagas.run_step", ["wrap", "pay", "deliver"])]


def test_an_undo_after_the_budget_leaves_the_rest_to_a_message(world, sent, settings, monkeypatch):
    def forget(_ctx):
        settings.SAGAS_IN_PLACE_BUDGET = timedelta(0)

    monkeypatch.setattr(errand.named("think"), "undo_run", forget)
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("card_declined")]
    task_at(run_id, "fetch")
    sent.clear()
    assert task_at(run_id, "wrap", tasks.undo_step) is None
    assert [(task, names) for task, names, _ in sent] == [("sagas.undo_step", ["fetch"])]
    assert [s.status for s in Step.objects.filter(position__lt=3)] == ["undo_due", "undone", "undone"]


def test_an_undo_with_a_message_a_step_lets_its_chain_go_on(world, sent, settings):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [Refused("card_declined")]
    task_at(run_id, "fetch")
    sent.clear()
    settings.SAGAS_IN_PLACE = False
    assert task_at(run_id, "wrap", tasks.undo_step) == ["the", "rest"], "the task's own chain goes on"
    assert Step.objects.get(name="fetch").status == "undo_due"


def test_a_worker_that_is_stopping_takes_no_further_step(world, sent, monkeypatch):
    run_id = begin(errand, Errand("milk"))
    world.faults["think"] = [lambda: monkeypatch.setattr(state, "should_stop", 0)]
    task_at(run_id, "fetch")
    assert world.log == ["fetch", "think"]
    assert [names for _, names, _ in sent] == [["wrap", "pay", "deliver"]]


def test_one_message_a_step_where_the_settings_say_so(world, sent, settings):
    settings.SAGAS_IN_PLACE = False
    assert task_at(begin(errand, Errand("milk")), "fetch") == ["the", "rest"]
    assert world.log == ["fetch"]


def test_a_cancel_is_found_before_the_next_step_is_taken(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["think"] = [lambda: errand.cancel("key-1", reason="Changed my mind", actor="ann")]
    task_at(run_id, "fetch")
    assert (world.log, Step.objects.get(name="wrap").attempts) == (["fetch", "think"], 0)
    assert [names for _, names, _ in sent] == [["wrap", "pay", "deliver"]]
    assert carry(run_id).status == "compensated"


def test_a_cancel_before_the_pivot_is_found_although_the_pivot_would_be_taken_in_place(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["wrap"] = [lambda: errand.cancel("key-1", reason="Changed my mind", actor="ann")]
    task_at(run_id, "fetch")
    assert "pay" not in world.log
    assert carry(run_id).status == "compensated"


def test_a_deadline_is_found_before_the_next_step_is_taken(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["think"] = [lambda: Run.objects.update(deadline_at=LONG_AGO)]
    task_at(run_id, "fetch")
    assert world.log == ["fetch", "think"]
    assert carry(run_id).status == "compensated"


def test_after_the_pivot_neither_cancel_nor_deadline_stops_the_next_step(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["pay"] = [lambda: Run.objects.update(deadline_at=LONG_AGO)]
    task_at(run_id, "fetch")
    assert Run.objects.get().status == "completed"


def test_a_paused_run_is_not_taken_further(world, sent):
    run_id = begin(errand, Errand("milk"))
    world.faults["think"] = [lambda: Run.objects.update(paused_at=LONG_AGO)]
    task_at(run_id, "fetch")
    assert (world.log, Step.objects.get(name="wrap").status) == (["fetch", "think"], "pending")


def test_a_worker_whose_lease_passed_on_writes_nothing_and_takes_nothing(world, sent):
    run_id = begin(errand, Errand("milk"))

    def overtake():
        Step.objects.filter(name="think").update(lease_until=LONG_AGO)
        task_at(run_id, "think")

    world.faults["think"] = [overtake]
    task_at(run_id, "fetch")
    assert Run.objects.get().status == "completed"
    assert [a.outcome for a in Attempt.objects.filter(step="think").order_by("id")] == ["lost", "done"]
    assert Attempt.objects.filter(step="wrap").count() == 1, "the stale worker took nothing"
    assert world.log.count("wrap") == 1


def test_the_lease_of_a_step_in_place_is_its_own(world, sent):
    run_id = begin(errand, Errand("milk"))
    leases: list[float] = []

    def read():
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM saga_step WHERE name='pay'")
            leases.append(float(cursor.fetchone()[0]))
        leases.append(woken_in(run_id))

    world.faults["pay"] = [read]
    task_at(run_id, "fetch")
    lease, wake = leases
    assert lease == pytest.approx(9, abs=1), "timeout, once more for the probe, and the margin"
    assert lease <= wake <= lease + 2.1


def test_flower_is_shown_every_step_under_its_own_name_and_id(world, sent, seen):
    run_id = begin(errand, Errand("milk"))
    task_at(run_id, "fetch")
    names = {fields["uuid"]: fields["name"] for kind, fields in seen if kind == "task-received"}
    assert list(names.values()) == [f"errand.{name}" for name in FORWARD[1:]]
    assert set(names) == set(Attempt.objects.exclude(step="fetch").values_list("task_id", flat=True))
    for uuid in names:
        kinds = [kind for kind, fields in seen if fields["uuid"] == uuid]
        assert kinds == ["task-received", "task-started", "task-succeeded"]
    assert {fields["root_id"] for kind, fields in seen if kind == "task-received"} == {"root"}


def test_flower_is_shown_by_its_label_which_run_each_task_is_about(world, sent, seen, monkeypatch):
    """The task that came as a message too, of which Celery itself shows the run's id alone."""
    monkeypatch.setattr(flower_events.gathered, "wanted", True)
    monkeypatch.setattr(errand, "label", lambda wish: f"1041 {wish.what}")
    run_id = begin(errand, Errand("milk"))
    task_at(run_id, "fetch", headers={"sent_at": 1234.5})
    shown = {fields["uuid"]: fields["args"] for kind, fields in seen if kind in ("task-sent", "task-received")}
    assert set(shown) == {"first", *Attempt.objects.exclude(step="fetch").values_list("task_id", flat=True)}
    assert set(shown.values()) == {f"(1041 milk, {run_id})"}
    assert [fields["timestamp"] for kind, fields in seen if kind == "task-sent"] == [1234.5]


def test_a_label_that_fails_fails_no_step(world, sent, seen, monkeypatch, caplog):
    def garbled(_wish: Errand) -> str:
        raise ValueError("no number")

    monkeypatch.setattr(errand, "label", garbled)
    run_id = begin(errand, Errand("milk"))
    task_at(run_id, "fetch")
    run = Run.objects.get()
    assert run.status == "completed"
    assert {fields["args"] for kind, fields in seen if kind == "task-received"} == {f"({run.key}, {run_id})"}
    assert "saga.no_label" in caplog.text


def test_events_that_the_broker_does_not_take_fail_nothing(world, sent, monkeypatch, caplog):
    def down(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("the broker is away")

    monkeypatch.setattr(flower_events.gathered, "wanted", True)
    monkeypatch.setattr(current_app.producer_pool, "acquire", down)
    task_at(begin(errand, Errand("milk")), "fetch")
    flower_events.gathered.flush("test")
    assert Run.objects.get().status == "completed"
    assert "saga.not_shown" in caplog.text


def test_in_place_no_transaction_is_open_while_a_participant_is_called(world, sent):
    open_: list[bool] = []
    for name in FORWARD:
        world.faults[name] = [lambda: open_.append(connection.in_atomic_block)]
    task_at(begin(errand, Errand("milk")), "fetch")
    assert open_ == [False] * 5
    with transaction.atomic():
        assert Run.objects.get().status == "completed"
