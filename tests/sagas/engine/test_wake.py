"""Every open run has a time at which somebody looks at it again: the sweep rings it then, whatever was lost."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from outbox.messages import trace
from outbox.models import OutboxMessage
from sagas import Refused, desk
from sagas.engine.continuation import STOP, RetryIn, SwitchChain
from sagas.engine.run_ready import ring_on_commit
from sagas.engine.transitions import ready
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run, Step
from sagas.settings import saga_settings
from sagas.testing.clock import until_sweep
from tests.support.sagas.clock import LONG_AGO, looked_at_in, woken_in
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
LOST = TimeoutError("no answer")
PATIENCE = pytest.approx(10, abs=2)
LEASE = pytest.approx(7, abs=2)  # the errand's timeout of 2 s and the margin


@pytest.fixture
def rung(monkeypatch):
    """The runs that a sweep rings, with the trace that their links carry; nothing goes to the broker."""
    seen: list[tuple[object, str, str]] = []

    def send(chains):
        for links in chains:
            first = links.tasks[0]
            headers = first.options["headers"]
            seen.append((UUID(first.args[0]), headers["traceparent"][3:35], headers["X-Request-Id"]))

    monkeypatch.setattr("sagas.maintenance.sweep.send", send)
    return seen


def test_a_run_whose_first_message_is_lost_is_brought_by_the_sweep(world):
    assert until_sweep(begin(errand, Errand("milk"))).total_seconds() == PATIENCE


def test_a_step_in_hand_is_looked_at_again_when_its_lease_ends(world):
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(wake_at=LONG_AGO)
    seen: list[object] = []
    world.faults["fetch"] = [lambda: seen.append(woken_in(run_id))]
    step_once(run_id)
    assert seen == [LEASE]


def test_a_run_whose_next_link_is_lost_is_woken(world):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)
    assert woken_in(run_id) == PATIENCE


def test_a_run_that_waits_for_its_next_attempt_is_woken_soon_after(world):
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [LOST]
    assert isinstance(step_once(run_id), RetryIn)
    assert 0 < woken_in(run_id) < 3


def test_a_run_whose_undo_chain_is_lost_is_woken_at_each_undo(world):
    world.faults["pay"] = [Refused("card_declined")]
    run_id = begin(errand, Errand("milk"))
    while not isinstance(step_once(run_id), SwitchChain):
        pass
    assert woken_in(run_id) == PATIENCE
    seen: list[object] = []
    world.faults["unwrap"] = [lambda: seen.append(woken_in(run_id))]
    step_once(run_id)
    assert seen == [LEASE]
    assert woken_in(run_id) == PATIENCE


def test_an_undo_that_waits_for_its_next_attempt_is_woken_soon_after(world):
    world.faults["pay"] = [Refused("card_declined")]
    world.faults["unwrap"] = [LOST]
    run_id = begin(errand, Errand("milk"))
    while not isinstance(step_once(run_id), RetryIn):
        pass
    assert 0 < woken_in(run_id) < 3


def test_a_run_that_an_operator_sets_going_is_woken_at_once(world):
    world.faults["pay"] = [LOST, LOST, LOST]
    run = carry(begin(errand, Errand("milk")))
    assert looked_at_in(run.id) is None, "on a person's desk nobody rings"
    desk.retry_now(run.id, actor=get_user_model().objects.create_user("ann"), reason="the bank is back")
    assert woken_in(run.id) <= 0


@pytest.mark.parametrize(("name", "turned"), [("fetch", False), ("unwrap", True)])
def test_each_wait_for_the_next_attempt_is_longer_than_the_one_before(world, name, turned):
    world.faults[name] = [LOST, LOST]
    world.faults["pay"] = [Refused("card_declined")]
    run_id = begin(errand, Errand("milk"))
    waits: list[float] = []
    while len(waits) < 2:
        verdict = step_once(run_id)
        if isinstance(verdict, RetryIn):
            waits.append(verdict.seconds)
            Step.objects.update(next_attempt_at=None)
    assert waits == [pytest.approx(0.0175, abs=0.0026), pytest.approx(0.035, abs=0.0051)]
    assert turned == (Run.objects.get().status == "undoing")


def test_a_wait_longer_than_a_short_one_rides_on_the_sweep_alone(world, settings):
    settings.SAGAS_SHORT_WAIT = timedelta(0)
    run_id = begin(errand, Errand("milk"))
    world.faults["fetch"] = [LOST]
    assert step_once(run_id) == STOP
    assert Step.objects.get(name="fetch").next_attempt_at is not None
    assert woken_in(run_id) < 1


def test_a_run_is_given_its_deadline_at_the_start(world):
    begin(errand, Errand("milk"))
    run = Run.objects.get()
    assert run.deadline_at is not None
    assert run.deadline_at - run.created_at == pytest.approx(errand.deadline, abs=timedelta(seconds=1))


def test_a_ring_goes_on_in_the_trace_of_the_request(world, rung):
    with trace.use(trace.start("request-1")) as current:
        run_id = begin(errand, Errand("milk"))
    Run.objects.update(wake_at=LONG_AGO)
    ring_overdue()
    assert rung == [(run_id, current.trace_id, "request-1")]


def test_a_run_that_somebody_else_sets_going_goes_on_in_its_own_trace(world):
    with trace.use(trace.start("request-1")) as its_own:
        run_id = begin(errand, Errand("milk"))
    OutboxMessage.objects.all().delete()
    run = Run.objects.get(pk=run_id)
    with trace.use(trace.start("an operator's")), transaction.atomic():
        ring_on_commit(ready(run), run)
    headers = OutboxMessage.objects.get().headers
    assert its_own.trace_id in headers
    assert '"request-1"' in headers


def test_a_run_that_this_code_does_not_know_keeps_the_sweep_from_no_other(world, rung):
    begin(errand, Errand("milk"), key="old")
    Run.objects.update(name="forgotten", wake_at="2019-01-01T00:00:00Z")
    run_id = begin(errand, Errand("milk"))
    Run.objects.filter(pk=run_id).update(wake_at=LONG_AGO)
    assert ring_overdue() == 1
    assert [one for one, *_ in rung] == [run_id]


def test_a_sweep_waits_for_no_run_that_somebody_has_locked(world, rung):
    from django.db import connection

    locked, free = (begin(errand, Errand("milk"), key=key) for key in ("locked", "free"))
    Run.objects.update(wake_at=LONG_AGO)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM saga_run WHERE id = %s FOR UPDATE", [locked])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            ring_overdue()
    finally:
        other.close()
    assert [one for one, *_ in rung] == [free]


def test_patience_is_what_the_tests_of_this_file_take_it_for():
    assert saga_settings.PATIENCE.total_seconds() == PATIENCE
