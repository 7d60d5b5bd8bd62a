"""What a step's hook does commits with the record of the step, in one statement where it only publishes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from django.contrib.auth.models import Group
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from outbox import doorbell, publish
from outbox.models import OutboxMessage
from sagas import Refused
from sagas.engine import executor
from sagas.engine.continuation import STOP, RetryIn, RunNext
from sagas.models import Run, Step
from tests.support.hostapp.events import NobodyListens
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import begin, link, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
Hook = Callable[[], None]


@pytest.fixture
def hooked(world, monkeypatch):
    """`hooked(function)`: a run whose next step's hook is the function."""

    def start(hook: Hook):
        monkeypatch.setattr(errand.named("fetch"), "recorded_run", lambda _ctx, _result: hook())
        return begin(errand, Errand("milk"))

    return start


@pytest.fixture
def rung(monkeypatch):
    """How many events were to be seen at each ring, by another connection's eyes."""
    seen: list[int] = []

    def ring() -> None:
        seen.append(0 if connection.in_atomic_block else told_count())

    monkeypatch.setattr(doorbell, "ring", ring)
    return seen


def told() -> list[str]:
    rows = OutboxMessage.objects.filter(type=NAME).order_by("id")
    return [row.key for row in rows]


def told_count() -> int:
    return len(told())


NAME = "host.nobody_listens"


def tell(key: str) -> None:
    publish(NobodyListens("x"), key=key)


def statements_of(run_id) -> list[str]:
    next_link = link(Run.objects.get(pk=run_id), "fetch")
    with CaptureQueriesContext(connection) as captured:
        executor.run_step(next_link)
    return [q["sql"].split("(")[0].strip() for q in captured if "PREPARE" not in q["sql"]]


def test_a_hook_that_only_publishes_costs_no_statement_of_its_own(hooked, rung):
    def twice() -> None:
        tell("a")
        tell("b")

    statements_of(hooked(lambda: tell("warm")))
    OutboxMessage.objects.all().delete()
    Run.objects.all().delete()
    ran = [one for one in statements_of(hooked(twice)) if not one.startswith("SELECT")]
    around_the_hook = ["BEGIN", "COMMIT"]  # as Django logs them; psycopg2 sends neither when nothing comes between
    assert ran == ["EXECUTE saga_claim_step", *around_the_hook, "EXECUTE saga_record_and_tell"]
    assert told() == ["a", "b"]
    assert rung[-1:] == [2], "after the commit"


def test_before_the_first_statement_of_a_hook_the_step_is_recorded(hooked):
    seen: list[tuple[str, bool]] = []

    def write() -> None:
        tell("before")
        Group.objects.create(name="a row of the host's")
        seen.append((Step.objects.get(name="fetch").status, connection.in_atomic_block))
        tell("after")

    ran = statements_of(hooked(write))
    assert seen == [("done", True)]
    order = [name for name in ran if name.startswith(("EXECUTE saga_record", "INSERT"))]
    assert order == ["EXECUTE saga_record_and_tell", 'INSERT INTO "auth_group"', "INSERT INTO outbox_message"]
    assert told() == ["before", "after"]


@pytest.mark.parametrize("writes", [False, True], ids=["publishes", "publishes and writes"])
def test_a_hook_that_fails_takes_the_record_and_its_events_with_it(hooked, writes):
    def fail() -> None:
        tell("a")
        if writes:
            Group.objects.create(name="a row of the host's")
        raise RuntimeError("the host's table is full")

    assert isinstance(step_once(hooked(fail)), RetryIn)
    assert (Step.objects.get(name="fetch").status, told(), Group.objects.count()) == ("waiting", [], 0)


@pytest.mark.parametrize("writes", [False, True], ids=["publishes", "publishes and writes"])
def test_a_stale_workers_events_and_writes_are_thrown_away(hooked, world, writes):
    def hook() -> None:
        tell("a")
        if writes:
            Group.objects.create(name=f"row {Group.objects.count()}")

    run_id = hooked(hook)

    def overtaken() -> None:
        Step.objects.filter(name="fetch").update(lease_until=LONG_AGO)
        executor.run_step(link(Run.objects.get(), "fetch"))

    world.faults["fetch"] = [overtaken]
    assert step_once(run_id) == STOP
    assert (told(), Group.objects.count()) == (["a"], int(writes))


def test_a_stale_worker_whose_hook_swallows_every_error_writes_nothing_either(hooked, world):
    def hook() -> None:
        for name in ("one", "two"):
            with contextlib.suppress(Exception):
                Group.objects.create(name=name)

    run_id = hooked(hook)

    def overtaken() -> None:
        Step.objects.filter(name="fetch").update(lease_until=LONG_AGO)
        executor.run_step(link(Run.objects.get(), "fetch"))
        Group.objects.all().delete()

    world.faults["fetch"] = [overtaken]
    assert step_once(run_id) == STOP
    assert Group.objects.count() == 0


def test_what_a_hook_leaves_for_after_the_commit_finds_it_committed(hooked):
    seen: list[tuple[str, bool]] = []

    def hook() -> None:
        tell("a")
        transaction.on_commit(lambda: seen.append((Step.objects.get(name="fetch").status, connection.in_atomic_block)))

    step_once(hooked(hook))
    assert seen == [("done", False)]
    assert told() == ["a"]


def test_an_event_of_a_savepoint_that_is_rolled_back_is_not_told(hooked):
    def hook() -> None:
        tell("kept")
        with transaction.atomic():
            tell("lost")
            transaction.set_rollback(True)

    step_once(hooked(hook))
    assert told() == ["kept"]


def swallow_a_duplicate() -> None:
    Group.objects.create(name="a row of the host's")
    with contextlib.suppress(IntegrityError):
        Group.objects.create(name="a row of the host's")


def swallow_an_error_in_sql() -> None:
    with connection.cursor() as cursor, contextlib.suppress(DataError):
        cursor.execute("SELECT 1 / 0")


def ask_for_a_rollback() -> None:
    tell("lost")
    transaction.set_rollback(True)


LOSES = [swallow_a_duplicate, swallow_an_error_in_sql, ask_for_a_rollback]


@pytest.mark.parametrize("hook", LOSES)
def test_a_hook_that_loses_the_transaction_is_no_record(hooked, hook):
    """PostgreSQL would roll back, Django would not say so, and the worker would go on with a step it does not hold."""
    run_id = hooked(hook)
    verdict = executor.run_step(link(Run.objects.get(pk=run_id), "fetch", ahead=lambda _step: "next"))
    assert isinstance(verdict, RetryIn)
    step = Step.objects.get(name="fetch")
    assert (step.status, Step.objects.get(name="think").attempts, told()) == ("waiting", 0, [])
    assert "let the error through" in step.error_text


@pytest.mark.parametrize("hook", LOSES)
def test_an_undos_hook_that_loses_the_transaction_is_no_record(world, monkeypatch, hook):
    world.faults["pay"] = [Refused("card_declined")]
    run_id = begin(errand, Errand("milk"))
    while Run.objects.get().status == "running":
        step_once(run_id)
    monkeypatch.setattr(errand.named("wrap"), "undone_run", lambda _ctx: hook())
    assert isinstance(step_once(run_id), RetryIn)
    assert Step.objects.get(name="wrap").status == "undo_waiting"


def test_what_a_hook_writes_past_django_is_thrown_away_with_a_stale_workers_record(hooked, world):
    def hook() -> None:
        with connection.cursor() as cursor:
            cursor.cursor.execute("INSERT INTO auth_group (name) VALUES ('by the driver')")

    run_id = hooked(hook)
    world.faults["fetch"] = [lambda: Step.objects.filter(name="fetch").update(token=None)]
    assert step_once(run_id) == STOP
    assert not Group.objects.exists()


def test_what_fails_after_the_commit_leaves_the_step_recorded_and_the_next_in_hand(hooked, caplog):
    run_id = hooked(lambda: transaction.on_commit(lambda: [][0]))
    verdict = executor.run_step(link(Run.objects.get(pk=run_id), "fetch", ahead=lambda _step: "next"))
    assert isinstance(verdict, RunNext)
    assert (Step.objects.get(name="fetch").status, Step.objects.get(name="think").attempts) == ("done", 1)
    assert "saga.after_commit_failed" in caplog.text


def test_a_hook_that_writes_in_another_context_loses_no_event(hooked):
    def hook() -> None:
        copy_context().run(Group.objects.create, name="a row of the host's")
        tell("a")

    step_once(hooked(hook))
    assert told() == ["a"]


def test_an_event_of_another_threads_transaction_is_written_there(hooked):
    def in_a_thread() -> None:
        with transaction.atomic():
            tell("rolled back")
            transaction.set_rollback(True)
        connection.close()

    def hook() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(copy_context().run, in_a_thread).result()

    step_once(hooked(hook))
    assert (Step.objects.get(name="fetch").status, told()) == ("done", [])


def test_after_a_hook_publish_writes_at_once_again(hooked):
    step_once(hooked(lambda: tell("a")))
    with transaction.atomic():
        tell("b")
        assert told() == ["a", "b"]


def test_in_place_a_hook_that_only_publishes_leaves_one_statement_for_all(hooked, world):
    run_id = hooked(lambda: tell("a"))
    next_link = link(Run.objects.get(pk=run_id), "fetch", ahead=lambda _step: "next")
    verdict = executor.run_step(next_link)
    assert isinstance(verdict, RunNext)
    assert (told(), Step.objects.get(name="think").status) == (["a"], "running")
