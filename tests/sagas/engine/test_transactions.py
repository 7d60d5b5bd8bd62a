"""What commits together, and what is open while a participant is called: nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outbox import doorbell
from outbox.models import OutboxMessage
from sagas import Refused, Retry, RetryAfter
from sagas.engine.continuation import STOP, RetryIn, SwitchChain
from sagas.models import Run, Step
from tests.support.sagas import errand as module
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")


def refuse(*_args):
    raise RuntimeError("the shop's table is full")


def undoing(world):
    """A run whose undos of `wrap` and `fetch` are due."""
    world.faults["pay"] = [Refused("card_declined")]
    run_id = begin(errand, Errand("milk"))
    while not isinstance(step_once(run_id), SwitchChain):
        pass
    return run_id


def test_a_start_is_one_statement_with_its_message_and_rings_for_it_at_once(world, monkeypatch):
    rings: list[str] = []
    monkeypatch.setattr(doorbell, "ring", lambda: rings.append("plain"))
    monkeypatch.setattr(doorbell, "ring_urgently", lambda: rings.append("urgent"))
    begin(errand, Errand("milk"), key="prepares")
    with CaptureQueriesContext(connection) as captured:
        begin(errand, Errand("milk"))
    assert [query["sql"].split("(")[0].strip() for query in captured] == ["BEGIN", "EXECUTE saga_start", "COMMIT"]
    assert OutboxMessage.objects.count() == 2
    assert rings == ["urgent", "urgent"]


@pytest.mark.parametrize("direction", ["forward", "undo"])
def test_no_transaction_is_open_while_a_participant_is_called(world, direction):
    seen: list[object] = []
    name = "bring_back" if direction == "undo" else "fetch"
    world.faults["pay"] = [Refused("card_declined")]
    world.faults[name] = [lambda: seen.append(connection.in_atomic_block)]
    carry(begin(errand, Errand("milk")))
    assert seen == [False]


def test_no_transaction_is_open_while_the_probe_asks(world, monkeypatch):
    seen: list[object] = []

    def probe(_ctx):
        seen.append(connection.in_atomic_block)
        return "found"

    monkeypatch.setattr(module.pay, "probe_run", probe)
    world.faults["pay"] = [LOST, LOST, LOST]
    carry(begin(errand, Errand("milk")))
    assert seen == [False]


@pytest.mark.parametrize(
    ("told", "before", "faults"),
    [
        ("completed", "running", {}),
        ("compensated", "undoing", {"pay": [Refused("card_declined")]}),
    ],
)
def test_an_end_that_the_host_cannot_follow_is_not_written(world, monkeypatch, told, before, faults):
    world.faults.update(faults)
    run_id = begin(errand, Errand("milk"))
    heard: list[str] = []

    def hook(change):
        heard.append(change.after)
        if change.after == told:
            refuse()

    monkeypatch.setattr(errand, "status_hook", hook)
    while told not in heard:
        step_once(run_id)
    assert Run.objects.get().status == before


@pytest.mark.parametrize(
    ("told", "faults"),
    [
        (["completed"], {}),
        (["undoing", "compensated"], {"pay": [Refused("card_declined")]}),
        (["stuck"], {"deliver": [Refused("nobody_home")]}),
    ],
)
def test_every_status_is_told_in_the_transaction_that_writes_it(world, monkeypatch, told, faults):
    world.faults.update(faults)
    heard: list[tuple[str, bool]] = []
    monkeypatch.setattr(errand, "status_hook", lambda change: heard.append((change.after, connection.in_atomic_block)))
    carry(begin(errand, Errand("milk")))
    assert heard == [(status, True) for status in told]


def test_what_the_host_writes_with_a_record_is_gone_when_the_record_is(world, monkeypatch):
    run_id = begin(errand, Errand("milk"))
    seen: list[object] = []

    def write(ctx, result):
        Group.objects.create(name="of the hook")
        seen.append(connection.in_atomic_block)
        refuse()

    monkeypatch.setattr(module.fetch, "recorded_run", write)
    assert isinstance(step_once(run_id), RetryIn)
    assert seen == [True]
    assert Step.objects.get(name="fetch").status == "waiting"
    assert not Group.objects.exists()


def test_what_the_host_writes_with_an_undo_is_one_transaction_with_its_record(world, monkeypatch):
    run_id = undoing(world)

    def write(ctx):
        Group.objects.create(name="of the hook")
        refuse()

    monkeypatch.setattr(module.wrap, "undone_run", write)
    assert isinstance(step_once(run_id), RetryIn)
    assert Step.objects.get(name="wrap").status == "undo_waiting"
    assert not Group.objects.exists()
    monkeypatch.setattr(module.wrap, "undone_run", lambda ctx: Group.objects.create(name="of the hook"))
    assert carry(run_id).status == "compensated"
    assert Group.objects.count() == 1


def test_a_local_step_and_its_record_are_one_transaction(world, monkeypatch):
    monkeypatch.setattr(module.fetch, "local", True)
    monkeypatch.setattr(module.fetch, "recorded_run", refuse)
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [lambda: Group.objects.create(name="of the step")]
    assert isinstance(step_once(run_id), RetryIn)
    assert not Group.objects.exists()
    monkeypatch.setattr(module.fetch, "recorded_run", None)
    world.faults["fetch"] = [lambda: Group.objects.create(name="of the step")]
    assert carry(run_id).status == "completed"
    assert Group.objects.count() == 1


def test_a_local_undo_and_its_record_are_one_transaction(world, monkeypatch):
    monkeypatch.setattr(module.wrap, "local", True)
    monkeypatch.setattr(module.wrap, "undone_run", refuse)
    world.faults["unwrap"] = [lambda: Group.objects.create(name="of the undo")]
    run_id = undoing(world)
    assert isinstance(step_once(run_id), RetryIn)
    assert not Group.objects.exists()
    monkeypatch.setattr(module.wrap, "undone_run", None)
    world.faults["unwrap"] = [lambda: Group.objects.create(name="of the undo")]
    assert carry(run_id).status == "compensated"
    assert Group.objects.count() == 1


def test_a_cancel_rings_the_undo_through_the_outbox(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    OutboxMessage.objects.all().delete()
    errand.cancel("key-1", reason="changed my mind", actor="customer")
    message = OutboxMessage.objects.get()
    assert (message.type, message.key) == ("sagas.run_ready", "key-1")
    assert '"undo":true' in message.payload.replace(" ", "")
    assert Run.objects.get(pk=run_id).status == "undoing"


def test_a_run_that_starts_rings_through_the_outbox(world):
    begin(errand, Errand("milk"))
    message = OutboxMessage.objects.get()
    assert (message.type, message.key) == ("sagas.run_ready", "key-1")


def test_no_two_steps_and_no_two_runs_share_a_key(world):
    for key in ("one", "two"):
        carry(begin(errand, Errand("milk"), key=key))
    every = [key for keys in world.keys.values() for key in keys]
    assert len(every) == len(set(every)) == 2 * len(errand.steps)


def test_an_undo_has_a_key_of_its_own_the_same_at_every_attempt(world, monkeypatch):
    run_id = undoing(world)
    seen: list[tuple[str, str]] = []

    def unwrap(ctx):
        seen.append((ctx.step_key, ctx.key))
        if len(seen) < 3:
            raise LOST

    monkeypatch.setattr(module.wrap, "undo_run", unwrap)
    carry(run_id)
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert seen[0][0] in world.keys["wrap"]
    assert seen[0][1] not in world.keys["wrap"]


def test_an_undo_whose_participant_is_away_costs_no_attempt(world):
    world.faults["unwrap"] = [RetryAfter(timedelta(milliseconds=1), "shop closed")] * 7
    assert carry(undoing(world)).status == "compensated"


def test_what_the_way_forward_was_forgiven_buys_no_attempt_of_the_undo(world):
    world.faults["wrap"] = [RetryAfter(timedelta(milliseconds=1), "shop closed")] * 7
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [LOST, LOST, LOST]
    assert carry(begin(errand, Errand("milk"))).status == "stuck"


def test_an_undo_is_retried_by_its_own_budget(world, monkeypatch):
    monkeypatch.setattr(module.wrap, "undo_retry", Retry(attempts=1))
    world.faults["unwrap"] = [LOST]
    run_id = undoing(world)
    assert step_once(run_id) == STOP
    assert Run.objects.get().status == "stuck"
