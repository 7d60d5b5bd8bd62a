"""Hooks of runs that are recorded together: they share a transaction, and one bad hook costs its own run alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import DataError, IntegrityError, connection, transaction

from outbox import publish
from outbox.messages import codec
from outbox.models import OutboxMessage
from sagas.engine.continuation import RunNext
from sagas.engine.done import Called, record_together
from sagas.engine.executor import settle_alone
from sagas.models import Run, Step
from sagas.participants.answers import Done, OurFailure
from tests.support.hostapp.events import NobodyListens
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.errand import Errand, errand
from tests.support.sagas.hands import begin_many, called, take_all

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 6
Hook = Callable[[], None]


@pytest.fixture
def hooks(monkeypatch) -> dict[int, Hook]:
    """By the run's number, what its hook does; the others publish their number."""
    chosen: dict[int, Hook] = {}

    def recorded(ctx, _result):
        number = int(ctx.input.what.split()[-1])
        chosen.get(number, lambda: tell(number))()

    monkeypatch.setattr(errand.named("fetch"), "recorded_run", recorded)
    return chosen


def tell(text: object) -> None:
    publish(NobodyListens(str(text)), key="one key")


def told() -> list[str]:
    rows = OutboxMessage.objects.filter(type="host.nobody_listens").order_by("id")
    return [codec.decode(NobodyListens, row.payload).text for row in rows]


def write(name: str) -> None:
    Group.objects.create(name=name)


def written() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


def record(many: int = MANY, *, lost: int | None = None) -> list[object]:
    """Record the first steps of so many runs together; the lease of one may be lost before."""
    runs = begin_many(many)
    calls = called(take_all())
    if lost is not None:
        Step.objects.filter(run_id=runs[lost], name="fetch").update(token=None)
    return list(record_together(calls))


def recorded_places(answers: list[object]) -> list[int]:
    return [place for place, answer in enumerate(answers) if isinstance(answer, RunNext)]


def all_but(*places: int) -> list[int]:
    return [place for place in range(MANY) if place not in places]


def by_itself(answer: object) -> None:
    """What a hand does with an answer that was given back."""
    assert isinstance(answer, Called)
    settle_alone(answer)


# --- Order -----------------------------------------------------------------------------------------------------------


def publish_and_write(number: int) -> None:
    tell(f"{number} before")
    write(str(number))
    tell(f"{number} after")


@pytest.mark.parametrize("writers", [(), (0,), (1,), (2,), (0, 2)], ids=str)
def test_events_of_one_key_have_the_order_of_the_runs_whoever_writes_as_well(world, hooks, writers):
    for number in writers:
        hooks[number] = lambda number=number: publish_and_write(number)
    assert recorded_places(record(3)) == [0, 1, 2]
    expected = [[f"{n} before", f"{n} after"] if n in writers else [str(n)] for n in range(3)]
    assert told() == [text for texts in expected for text in texts]


def test_before_any_hook_writes_all_runs_are_recorded_in_this_transaction(world, hooks):
    seen: list[tuple[int, int, bool]] = []

    def look() -> None:
        done = Step.objects.filter(name="fetch", status="done").count()
        seen.append((done, Step.objects.filter(name="think", status="running").count(), connection.in_atomic_block))

    hooks[3] = look
    record()
    assert seen == [(MANY, MANY, True)]


# --- Runs that are left out ------------------------------------------------------------------------------------------


def test_of_a_run_whose_lease_is_lost_neither_events_nor_writes_nor_callbacks_are_seen(world, hooks):
    called_back: list[int] = []

    def everything(number: int) -> Hook:
        def hook() -> None:
            transaction.on_commit(lambda: called_back.append(number))
            publish_and_write(number)

        return hook

    hooks.update({number: everything(number) for number in range(MANY)})
    answers = record(lost=2)
    assert recorded_places(answers) == all_but(2)
    assert written() == {str(n) for n in all_but(2)}
    assert told() == [f"{n} {when}" for n in all_but(2) for when in ("before", "after")]
    assert called_back == all_but(2)


@pytest.mark.parametrize("first", [True, False], ids=["first to write", "after another has written"])
def test_a_hook_that_swallows_every_error_writes_nothing_for_a_lost_lease(world, hooks, first):
    def stubborn() -> None:
        for name in ("one", "two"):
            with contextlib.suppress(Exception):
                write(name)
        tell("stubborn")

    hooks[3] = stubborn
    if not first:
        hooks[0] = lambda: write("0")
    answers = record(lost=3)
    assert recorded_places(answers) == all_but(3)
    assert written() == (set() if first else {"0"})
    assert "stubborn" not in told()


def test_callbacks_of_hooks_that_write_nothing_are_those_of_the_runs_that_were_recorded(world, hooks):
    called_back: list[int] = []
    for number in range(MANY):
        hooks[number] = lambda number=number: transaction.on_commit(lambda: called_back.append(number))
    assert recorded_places(record(lost=2)) == all_but(2)
    assert called_back == all_but(2)


def test_what_the_hook_of_a_lost_lease_writes_past_django_is_not_kept(world, hooks):
    def past_django() -> None:
        with connection.cursor() as cursor:
            cursor.cursor.execute("INSERT INTO auth_group (name) VALUES ('by the driver')")

    hooks[2] = past_django
    answers = record(lost=2)
    for answer in answers:
        if isinstance(answer, Called):
            by_itself(answer)
    assert written() == set()
    assert Step.objects.filter(name="fetch", status="done").count() == MANY - 1


# --- Bad hooks -------------------------------------------------------------------------------------------------------


def fail() -> None:
    tell("bad")
    raise RuntimeError("the host's table is full")


def write_and_fail() -> None:
    publish_and_write(99)
    raise RuntimeError("the host's table is full")


def ask_for_a_rollback() -> None:
    tell("bad")
    transaction.set_rollback(True)


def swallow_a_duplicate() -> None:
    tell("bad")
    write("twice")
    with contextlib.suppress(IntegrityError):
        write("twice")


def swallow_past_django() -> None:
    tell("bad")
    with connection.cursor() as cursor, contextlib.suppress(Exception):
        cursor.cursor.execute("SELECT 1 / 0")


def swallow_an_error_in_sql() -> None:
    with connection.cursor() as cursor, contextlib.suppress(DataError):
        cursor.execute("SELECT 1 / 0")


BAD = [fail, write_and_fail, ask_for_a_rollback, swallow_a_duplicate, swallow_past_django, swallow_an_error_in_sql]


@pytest.mark.parametrize("others_write", [False, True], ids=["the others publish", "the others write"])
@pytest.mark.parametrize("bad", BAD)
def test_one_bad_hook_costs_its_own_run_alone(world, hooks, bad, others_write):
    if others_write:
        hooks.update({number: lambda number=number: publish_and_write(number) for number in range(MANY)})
    hooks[2] = bad
    answers = record()
    for answer in answers:
        if isinstance(answer, Called):
            by_itself(answer)
    first = [Step.objects.get(run__key=f"key-{n}", name="fetch") for n in range(MANY)]
    assert [n for n, step in enumerate(first) if step.status == "done"] == all_but(2)
    assert (first[2].status, first[2].own_failures, first[2].attempts) == ("waiting", 1, 1)
    assert {step.own_failures for n, step in enumerate(first) if n != 2} == {0}
    each = (lambda n: [f"{n} before", f"{n} after"]) if others_write else (lambda n: [str(n)])
    assert sorted(told()) == sorted(text for n in all_but(2) for text in each(n))
    assert written() == ({str(n) for n in all_but(2)} if others_write else set())


def test_a_hook_that_fails_before_anything_is_written_leaves_the_others_in_their_one_statement(world, hooks):
    hooks[2] = fail
    answers = record()
    assert recorded_places(answers) == all_but(2)
    failed = answers[2]
    assert isinstance(failed, Called)
    assert isinstance(failed.answer, OurFailure)
    assert "the host's table is full" in str(failed.answer.error)


def test_what_a_hook_that_fails_had_left_for_after_the_commit_is_not_called(world, hooks):
    called_back: list[str] = []

    def leave_and_fail() -> None:
        transaction.on_commit(lambda: called_back.append("bad"))
        fail()

    hooks[2] = leave_and_fail
    hooks[3] = lambda: transaction.on_commit(lambda: called_back.append("good"))
    assert recorded_places(record()) == all_but(2)
    assert called_back == ["good"]


def test_a_callback_that_fails_after_the_commit_leaves_all_recorded(world, hooks, caplog):
    hooks[2] = lambda: transaction.on_commit(lambda: [][0])
    assert recorded_places(record()) == all_but()
    assert "saga.after_commit_failed" in caplog.text


# --- A record that fails ---------------------------------------------------------------------------------------------


@pytest.fixture
def picky():
    """PostgreSQL takes no result that says "bad"; it stands for any that it refuses."""
    with connection.cursor() as cursor:
        cursor.execute("""ALTER TABLE saga_step ADD CONSTRAINT picky CHECK (result IS NULL OR result <> '"bad"')""")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE saga_step DROP CONSTRAINT picky")


@pytest.mark.parametrize("writers", [(), (1,), (0, 1, 2, 3, 4, 5)], ids=["nobody writes", "one writes", "all write"])
def test_a_result_that_postgresql_refuses_is_the_failure_of_its_own_run(world, hooks, picky, writers):
    for number in writers:
        hooks[number] = lambda number=number: write(str(number))
    begin_many(MANY)
    calls = called(take_all())
    calls[4] = Called(calls[4].work, calls[4].context, Done("bad"))
    answers = record_together(calls)
    assert {type(answer.answer) for answer in answers if isinstance(answer, Called)} <= {Done}, "it is nobody's hook's"
    for answer in answers:
        if isinstance(answer, Called):
            by_itself(answer)
    first = [Step.objects.get(run__key=f"key-{n}", name="fetch") for n in range(MANY)]
    assert [n for n, step in enumerate(first) if step.status == "done"] == all_but(4)
    assert [step.own_failures for step in first] == [0, 0, 0, 0, 1, 0]
    assert written() == {str(n) for n in writers if n != 4}


@pytest.mark.parametrize("result", ["nul \0 in it", object()], ids=["NUL", "no JSON"])
def test_a_result_that_cannot_be_kept_as_it_is_costs_no_other_run_anything(world, hooks, result):
    begin_many(MANY)
    calls = called(take_all())
    calls[1] = Called(calls[1].work, calls[1].context, Done(result))
    answers = record_together(calls)
    assert recorded_places(list(answers)) == (all_but() if isinstance(result, str) else all_but(1))
    assert len(told()) == len(recorded_places(list(answers)))


# --- What else hooks do ----------------------------------------------------------------------------------------------


def test_an_event_of_a_savepoint_that_is_rolled_back_is_not_told(world, hooks):
    def takes_back() -> None:
        tell("kept")
        with transaction.atomic():
            tell("lost")
            transaction.set_rollback(True)
        tell("kept too")

    def in_a_savepoint() -> None:
        with transaction.atomic():
            tell("in a savepoint")

    hooks.update({1: lambda: write("1") or tell("1"), 2: takes_back, 3: in_a_savepoint})  # type: ignore[func-returns-value]
    assert recorded_places(record()) == all_but()
    assert told() == ["0", "1", "kept", "kept too", "in a savepoint", "4", "5"]


def test_a_saga_that_a_hook_starts_begins_with_the_record_or_not_at_all(world, hooks):
    for number in (1, 2):
        hooks[number] = lambda number=number: errand.start(Errand("more"), key=f"more-{number}")
    assert recorded_places(record(lost=2)) == all_but(2)
    assert set(Run.objects.filter(key__startswith="more").values_list("key", flat=True)) == {"more-1"}
    assert OutboxMessage.objects.filter(type="sagas.run_ready", key__startswith="more").count() == 1


def test_where_order_is_strict_events_wait_for_others_of_their_key_and_none_is_lost(world, hooks, settings):
    celery = {"transport": "outbox.transports.celery.CeleryTransport", "order": "strict"}
    settings.OUTBOX_DESTINATIONS = {"tasks": celery}
    assert recorded_places(record(lost=2)) == all_but(2)
    assert told() == [str(n) for n in all_but(2)]


def test_a_status_hook_hears_of_each_run_that_ends_and_of_no_other(world, monkeypatch):
    ended: list[str] = []

    def follow(change):
        write(change.key)
        ended.append(change.key)

    monkeypatch.setattr(errand, "status_hook", follow)
    begin_many(MANY)
    Run.objects.update(position=4)
    Step.objects.filter(position__lt=4).update(status="done", result="paid")
    calls = called(take_all())
    assert {one.work.step.name for one in calls} == {"deliver"}
    Run.objects.filter(key="key-3").update(paused_at=LONG_AGO)
    Step.objects.filter(run__key="key-1", name="deliver").update(token=None)
    answers = record_together(calls)
    assert [place for place, answer in enumerate(answers) if isinstance(answer, Called)] == [1]
    assert written() == set(ended) == {f"key-{n}" for n in all_but(1)}
