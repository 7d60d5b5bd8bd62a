"""`manage.py check`: what would go wrong later is said before, in exact sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from kombu import Queue

from outbox import schedule
from outbox.checks.queues import queue_problems
from sagas import Retry, Saga, StepContext, hosting
from sagas.checks import (
    check_any,
    check_apps,
    check_declarations,
    check_orphans,
    check_routes,
    check_schedule,
    check_upkeep,
)
from sagas.declare import registry
from sagas.models import Run
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand

first_step: Any = None  # a test puts its own there
second_step: Any = None

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTypes


@dataclass(frozen=True)
class Wish:
    what: str


class Socket:
    """JSON cannot carry it."""


@pytest.fixture
def made() -> Iterator[Saga[Wish]]:
    """A saga of the test's own, forgotten afterwards."""
    saga = Saga[Wish]("made")
    yield saga
    registry.forget(saga)


def told(found: list[Any]) -> list[tuple[str, str, str]]:
    return [(one.id, one.msg, one.hint) for one in found]


def test_a_result_of_two_types_is_accepted(made: Saga[Wish]) -> None:
    @made.step(undo=None)
    def fetch(ctx: StepContext[Wish]) -> str | None:
        return None

    assert check_declarations() == []


def test_a_result_of_two_types_one_of_which_json_cannot_carry_is_refused(made: Saga[Wish]) -> None:
    @made.step(undo=None)
    def fetch(ctx: StepContext[Wish]) -> None: ...

    fetch.__dict__["result_type"] = Socket | None
    name = f"{__name__}.Socket | None"
    sentence = f"made.fetch: {name} is Socket, which JSON cannot carry; use plain values or a dataclass of them."
    assert told(check_declarations()) == [("sagas.E005", sentence, "A result is carried as JSON.")]


def test_a_result_whose_type_is_imported_for_type_checking_only_is_refused(made: Saga[Wish]) -> None:
    @made.step(undo=None)
    def price(ctx: StepContext[Wish]) -> OnlyForTypes:
        raise NotImplementedError

    hint = "Import the types of its annotations outside `if TYPE_CHECKING:`; its result is read back by them."
    assert told(check_declarations()) == [("sagas.E008", "made.price: name 'OnlyForTypes' is not defined.", hint)]


def test_a_step_that_does_not_say_what_it_returns_is_warned_of(made: Saga[Wish]) -> None:
    @made.step(undo=None)
    def fetch(ctx): ...

    hint = "Annotate its return type, None if it returns nothing: its result is read back by it."
    assert told(check_declarations()) == [("sagas.W004", "made.fetch does not say what it returns.", hint)]


def test_an_input_that_is_named_in_quotes_is_refused() -> None:
    saga: Any = Saga["Wish"]("quoted")
    try:
        assert [id for id, *_ in told(check_declarations())] == ["sagas.E001", "sagas.E002"]
    finally:
        registry.forget(saga)


def test_an_undone_hook_without_an_undo_is_refused(made: Saga[Wish]) -> None:
    @made.step(undo=None)
    def fetch(ctx: StepContext[Wish]) -> None: ...

    fetch.undone(lambda ctx: None)
    sentence = "made.fetch has an undone hook, and nothing is ever undone."
    hint = "Declare the undo with @fetch.undo, or remove the hook."
    assert told(check_declarations()) == [("sagas.E006", sentence, hint)]


def test_a_run_that_may_never_end_is_warned_of(made: Saga[Wish]) -> None:
    @made.step(undo=None, retry=Retry.until_done())
    def fetch(ctx: StepContext[Wish]) -> None: ...

    sentence = "made.fetch comes before the pivot and is tried until done: its run may never end."
    hint = 'Give Saga("made", deadline=…), or retry=Retry(attempts=…): then the run is undone.'
    assert told(check_declarations()) == [("sagas.W007", sentence, hint)]
    made.deadline = timedelta(hours=1)
    assert check_declarations() == []


def test_a_step_that_names_a_later_one_is_warned_of(made: Saga[Wish], monkeypatch: pytest.MonkeyPatch) -> None:
    @made.step(undo=None)
    def first(ctx: StepContext[Wish]) -> int:
        return int(ctx.result_of(second_step))

    @made.step(undo=None)
    def second(ctx: StepContext[Wish]) -> int:
        return int(ctx.result_of(first_step))

    monkeypatch.setitem(globals(), "first_step", first)
    monkeypatch.setitem(globals(), "second_step", second)
    sentence = "made.first names second, which is no step before it: there is no result of it yet."
    hint = "Take the result of an earlier step, or move first behind second."
    assert told(check_declarations()) == [("sagas.W009", sentence, hint)]


def test_a_saga_of_no_installed_app_is_refused(made: Saga[Wish], monkeypatch: pytest.MonkeyPatch) -> None:
    @made.step(undo=None)
    def fetch(ctx: StepContext[Wish]) -> None: ...

    monkeypatch.setattr(registry, "all_sagas", lambda: [made])
    text = f"The saga made is declared in {__name__}, which belongs to no app of INSTALLED_APPS."
    hint = "Add its app: workers import the module `sagas` of each installed app, and find no other saga."
    assert told(check_apps()) == [("sagas.E018", text, hint)]
    monkeypatch.setattr(fetch.run, "__module__", "orders.sagas")
    assert check_apps() == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"task_routes": {"sagas.run_stepp": {"queue": "sagas"}, "sagas.*": {"queue": "x"}}}, ["outbox.W007"]),
        ({"task_routes": {"sagas.*": {"queue": "sagas"}}, "task_queues": [Queue("sagas")]}, []),
        ({"task_routes": {"sagas.run*": {"queue": "saga"}}, "task_queues": [Queue("celery")]}, ["outbox.W008"]),
        (
            {"task_routes": {"sagas.run*": {"queue": "saga"}}, "task_create_missing_queues": False},
            ["outbox.E009"],
        ),
    ],
)
def test_a_route_that_leads_nowhere_is_told(settings: dict[str, Any], expected: list[str]) -> None:
    with Celery(set_as_current=False) as app:
        app.conf.update(settings)
        assert [one.id for one in queue_problems("sagas.", app)] == expected


def test_what_follows_the_pivot_may_be_tried_until_done(made: Saga[Wish]) -> None:
    @made.pivot(retry=Retry.until_done())
    def pay(ctx: StepContext[Wish]) -> None: ...

    @made.step(retry=Retry.until_done())
    def deliver(ctx: StepContext[Wish]) -> None: ...

    assert check_declarations() == []


@pytest.mark.django_db(transaction=True)
def test_the_first_runs_that_a_deploy_would_orphan_are_named_and_the_others_counted(world: object) -> None:
    for number in range(5):
        begin(errand, Errand("milk"), key=f"order:{number}")
    Run.objects.update(version=9)
    runs = "5 open runs of errand version 9"
    sentence = f"{runs} would be left without a declaration: order:0, order:1, order:2 and 2 more."
    hint = "Keep version 9 registered beside the new one until those runs are finished."
    assert told(check_orphans(["default"])) == [("sagas.E020", sentence, hint)]


@pytest.mark.django_db(transaction=True)
def test_check_refuses_a_deploy_that_would_orphan_runs(world: object) -> None:
    begin(errand, Errand("milk"))
    Run.objects.update(version=9)
    with pytest.raises(SystemCheckError, match="would be left without a declaration: key-1"):
        call_command("check", databases=["default"])


def test_a_sweep_that_nothing_runs_is_warned_of(settings: Any) -> None:
    settings.CELERY_BEAT_SCHEDULE = {}
    sentence = "Nothing runs the sweep: a run whose message is lost, or whose retry is due, waits for ever."
    hint = "Have beat run the task sagas.sweep each second: add it to CELERY_BEAT_SCHEDULE."
    assert told(check_schedule()) == [("sagas.W013", sentence, hint)]


def test_upkeep_that_nothing_runs_is_warned_of(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_upkeep() == []
    settings.CELERY_BEAT_SCHEDULE = {}
    bulk = "Nothing runs sagas.bulk: acts on many runs that an operator orders in the admin are never done."
    prune = "Nothing runs sagas.prune: runs that ended are kept for ever."
    ticks = "Nothing runs sagas.schedules: no schedule starts anything."
    hint = "Have beat run the task sagas.bulk each second: add it to CELERY_BEAT_SCHEDULE."
    assert told(check_upkeep()) == [
        ("sagas.W022", bulk, hint),
        ("sagas.W023", prune, hint.replace("bulk", "prune").replace("second", "hour")),
        ("sagas.W046", ticks, hint.replace("bulk", "schedules")),
    ]
    monkeypatch.setattr("sagas.checks.broker.schedule_registry.all_schedules", list)  # nobody needs what is not there
    settings.SAGAS_KEEP_FINISHED = None
    assert told(check_upkeep()) == [("sagas.W022", bulk, hint)]


def test_links_without_a_route_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_routes() == []
    asked: list[str] = []

    def none(names: Iterable[str]) -> list[CheckMessage]:
        asked.extend(names)
        return []

    monkeypatch.setattr("sagas.checks.queues.unrouted", none)
    assert check_routes() == []
    steps = ("run_step", "undo_step", "take", "wake_parent")
    upkeep = ("sweep", "prune", "bulk", "canary", "schedules", "alerts", "tally")
    assert asked == [f"sagas.{name}" for name in (*steps, *upkeep)]


def test_a_project_without_a_saga_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_any() == []
    monkeypatch.setattr(registry, "all_sagas", list)
    hint = "Declare one in an app's `sagas.py`, and add that app to INSTALLED_APPS."
    assert told(check_any()) == [("sagas.I024", "No app of INSTALLED_APPS declares a saga.", hint)]


def test_a_project_that_took_the_settings_and_forgot_the_apps_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (schedule.check_installed(), hosting.check_installed()) == ([], [])
    monkeypatch.setattr("django.apps.apps.is_installed", lambda _name: False)
    text = 'INSTALLED_APPS lacks "{}": Celery is set up for its tasks, and nothing of it is there.'
    hint = 'Add "{}" to INSTALLED_APPS, and run `manage.py migrate`.'
    assert told([*schedule.check_installed(), *hosting.check_installed()]) == [
        ("outbox.E023", text.format("outbox"), hint.format("outbox")),
        ("sagas.E019", text.format("sagas"), hint.format("sagas")),
    ]
