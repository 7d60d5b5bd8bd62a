"""What cannot work is refused, at import or by a check, with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from sagas import Retry, Saga, SagaDeclarationError, StepContext, UndoContext
from sagas.checks import check_broker, check_declarations, check_orphans
from sagas.declare import registry
from sagas.models import Run, Step
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand


@dataclass(frozen=True)
class Wish:
    what: str


class Connection:
    """JSON cannot carry it."""


@dataclass(frozen=True)
class Odd:
    connection: Connection


@pytest.fixture
def made() -> Iterator[Saga[Wish]]:
    """A saga of the test's own, forgotten afterwards."""
    saga = Saga[Wish]("made")
    yield saga
    registry.forget(saga)


def sentences(found: list[Any]) -> str:
    return " ".join(f"{one.msg} {one.hint}" for one in found)


def test_two_pivots_are_refused(made):
    @made.pivot()
    def pay(ctx: StepContext[Wish]) -> None: ...

    with pytest.raises(SagaDeclarationError, match=r"two pivots, pay and pay_again.*make the other a plain step"):

        @made.pivot()
        def pay_again(ctx: StepContext[Wish]) -> None: ...


def test_two_steps_of_one_name_are_refused(made):
    def fetch(ctx: StepContext[Wish]) -> None: ...

    made.step(fetch)
    with pytest.raises(SagaDeclarationError, match="two steps named fetch; rename one"):
        made.step(fetch)


def test_an_undo_of_the_pivot_is_refused(made):
    @made.pivot()
    def pay(ctx: StepContext[Wish]) -> None: ...

    with pytest.raises(SagaDeclarationError, match="pay is the pivot: from there a saga only goes forward"):
        pay.undo(lambda ctx: None)


def test_an_undo_after_the_pivot_is_refused(made):
    @made.pivot()
    def pay(ctx: StepContext[Wish]) -> None: ...

    @made.step
    def deliver(ctx: StepContext[Wish]) -> None: ...

    with pytest.raises(SagaDeclarationError, match="deliver comes after the pivot pay"):
        deliver.undo(lambda ctx: None)


def test_a_second_undo_of_one_step_is_refused(made):
    @made.step
    def fetch(ctx: StepContext[Wish]) -> None: ...

    fetch.undo(lambda ctx: None)
    with pytest.raises(SagaDeclarationError, match="fetch has its undo declared already"):
        fetch.undo(lambda ctx: None)


def test_one_name_and_version_declared_twice_is_refused(made):
    with pytest.raises(SagaDeclarationError, match="Two sagas are named made, version 1"):
        Saga[Wish]("made")


def test_two_versions_live_side_by_side(made):
    other = Saga[Wish]("made", version=2)
    assert registry.find("made", 1) is made
    assert registry.find("made", 2) is other
    registry.forget(other)


def test_a_saga_that_does_not_say_its_input_is_refused():
    saga: Saga[Any] = Saga("nameless")
    try:
        assert "Say what nameless is about: Saga[YourInput]" in sentences(check_declarations())
    finally:
        registry.forget(saga)


def test_a_step_before_the_pivot_without_an_undo_is_refused_by_the_check(made):
    @made.step
    def fetch(ctx: StepContext[Wish]) -> None: ...

    found = sentences(check_declarations())
    assert "made.fetch comes before the pivot and has no undo. Add @fetch.undo" in found
    assert "@made.step(undo=None)" in found


def test_saying_that_there_is_nothing_to_undo_satisfies_the_check(made):
    @made.step(undo=None)
    def think(ctx: StepContext[Wish]) -> None: ...

    assert check_declarations() == []


def test_a_saga_without_steps_is_refused_by_the_check(made):
    assert "made has no steps" in sentences(check_declarations())


def test_an_input_that_json_cannot_carry_is_refused_by_the_check():
    saga = Saga[Odd]("odd")
    try:
        assert "Connection, which JSON cannot carry" in sentences(check_declarations())
    finally:
        registry.forget(saga)


def test_a_result_that_json_cannot_carry_is_refused_by_the_check(made):
    class Socket:
        pass

    def fetch(ctx: StepContext[Wish]) -> Any: ...

    fetch.__annotations__["return"] = Socket
    step: Any = made.step(undo=None)(fetch)
    step.__dict__["result_type"] = Socket
    assert "made.fetch: Socket is Socket, which JSON cannot carry" in sentences(check_declarations())


def test_a_step_that_outlasts_the_visibility_timeout_is_refused_by_the_check(made):
    @made.step(undo=None, timeout=timedelta(minutes=3))
    def wait(ctx: StepContext[Wish]) -> None: ...

    found = sentences(check_broker())
    assert "A task that ends with made.wait may take 190 s; the broker redelivers after 180 s" in found
    assert "Raise visibility_timeout" in found


@override_settings(SAGAS_SHORT_WAIT=timedelta(seconds=100))
def test_waits_on_the_broker_that_are_too_long_are_refused_by_the_check():
    assert "above a third of the broker's visibility timeout" in sentences(check_broker())


@pytest.mark.django_db(transaction=True)
def test_a_deploy_that_drops_a_version_is_told_which_runs_it_would_orphan():
    begin(errand, Errand("milk"))
    Run.objects.update(version=9)
    assert "1 open run of errand version 9 would be left without a declaration: key-1." in sentences(
        check_orphans(["default"])
    )


@pytest.mark.django_db(transaction=True)
def test_a_deploy_that_changes_the_steps_is_told_which_runs_were_started_with_others():
    begin(errand, Errand("milk"))
    Step.objects.filter(name="think").update(name="ponder")
    found = sentences(check_orphans(["default"]))
    assert "1 open run of errand version 1 started with other steps than are declared now, fetch, ponder, wrap" in found
    assert "deliver: key-1." in found
    assert "under a new version" in found


@pytest.mark.django_db(transaction=True)
def test_finished_runs_orphan_nobody():
    begin(errand, Errand("milk"))
    Run.objects.update(version=9, status="completed")
    assert check_orphans(["default"]) == []


def test_a_step_is_still_the_plain_function_it_was(made):
    @made.step(undo=None)
    def shout(ctx: StepContext[Wish]) -> str:
        return ctx.input.what.upper()

    import uuid

    ctx = StepContext(Wish("milk"), uuid.uuid4(), "key", 1, timedelta(seconds=1), lambda name, type_: None)
    assert shout(ctx) == "MILK"


def test_the_undo_of_a_step_is_still_the_plain_function_it_was(made):
    @made.step
    def fetch(ctx: StepContext[Wish]) -> None: ...

    @fetch.undo
    def bring_back(ctx: UndoContext[Wish, None]) -> None: ...

    assert bring_back.__name__ == "bring_back"
    assert fetch.has_undo


@pytest.mark.parametrize(
    ("retry", "attempt", "roll", "seconds"),
    [
        (Retry(), 1, 0.0, 1),
        (Retry(), 2, 0.0, 2),
        (Retry(), 4, 0.0, 8),
        (Retry(), 7, 0.0, 64),
        (Retry(), 8, 0.0, None),
        (Retry(), 1, 0.5, 0.875),  # half of the quarter that chance may take
        (Retry(jitter=0), 3, 0.9, 4),
        (Retry.until_done(), 1_000_000, 0.0, 300),
        (Retry(attempts=3, first=timedelta(seconds=10), longest=timedelta(seconds=15)), 2, 0.0, 15),
        (Retry(attempts=1), 1, 0.0, None),
        (Retry(factor=1.0), 5, 0.0, 1),
        (Retry(attempts=None, factor=1e300), 5, 0.0, 300),
    ],
)
def test_a_retry_waits(retry, attempt, roll, seconds):
    delay = retry.delay_after(attempt, roll=roll)
    assert (None if delay is None else delay.total_seconds()) == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"first": timedelta(0)},
        {"longest": timedelta(milliseconds=1)},
        {"factor": 0.5},
        {"jitter": 1.5},
    ],
)
def test_a_retry_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="Retry"):
        Retry(**wrong)
