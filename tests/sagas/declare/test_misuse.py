"""Misuse that is refused at import, each with the exact sentence that says how to mend it."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from sagas import Participant, Retry, Saga, SagaDeclarationError
from sagas.declare import registry
from sagas.errors import Unfit


@dataclass(frozen=True)
class Wish:
    what: str


@pytest.fixture
def made() -> Iterator[Any]:
    """A saga of the test's own, forgotten afterwards. Untyped, since the tests say what types forbid."""
    saga = Saga[Wish]("made")
    yield saga
    registry.forget(saga)


def fetch(ctx: Any) -> None: ...


async def fetch_later(ctx: Any) -> None: ...


def fetch_bit_by_bit(ctx: Any) -> Iterator[None]:
    yield


async def fetch_bit_by_bit_later(ctx: Any) -> AsyncIterator[None]:
    yield


def takes_nothing() -> None: ...


def refuses(sentence: str) -> Any:
    return pytest.raises(SagaDeclarationError, match=f"^{re.escape(sentence)}$")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": ""}, "Saga(''): give a name; it is how runs find their declaration."),
        ({"name": " "}, "Saga(' '): give a name; it is how runs find their declaration."),
        ({"name": Wish}, f"Saga({Wish!r}): give a name; it is how runs find their declaration."),
        (
            {"name": "n" * 101},
            f"The saga's name {'n' * 101} has 101 characters. At most 100 are kept; shorten it.",
        ),
        ({"version": 0}, "other: version=0; give a whole number from 1 to 32767."),
        ({"version": "2"}, "other: version='2'; give a whole number from 1 to 32767."),
        ({"version": True}, "other: version=True; give a whole number from 1 to 32767."),
        ({"version": 40_000}, "other: version=40000; give a whole number from 1 to 32767."),
        (
            {"deadline": timedelta(0)},
            "other: deadline=datetime.timedelta(0); give a timedelta above zero, such as "
            "deadline=timedelta(seconds=10).",
        ),
        (
            {"deadline": 60},
            "other: deadline=60; give a timedelta above zero, such as deadline=timedelta(seconds=10).",
        ),
    ],
)
def test_a_saga_that_no_run_could_have_is_refused(options: dict[str, Any], sentence: str) -> None:
    before = registry.all_sagas()
    with refuses(sentence):
        Saga[Wish](**{"name": "other", **options})
    assert registry.all_sagas() == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"timeout": timedelta(0)},
            "made.fetch: timeout=datetime.timedelta(0); give a timedelta above zero, such as "
            "timeout=timedelta(seconds=10).",
        ),
        (
            {"timeout": 5},
            "made.fetch: timeout=5; give a timedelta above zero, such as timeout=timedelta(seconds=10).",
        ),
        ({"retry": 5}, "made.fetch: retry=5; give a sagas.Retry, such as retry=Retry(attempts=5)."),
        (
            {"retry": Retry},
            f"made.fetch: retry={Retry!r}; give a sagas.Retry, such as retry=Retry(attempts=5).",
        ),
        (
            {"undo_retry": None},
            "made.fetch: undo_retry=None; give a sagas.Retry, such as undo_retry=Retry(attempts=5).",
        ),
        (
            {"undo": False},
            "made: undo=False; it takes only None, for nothing to undo. Declare an undo with @<step>.undo.",
        ),
        (
            {"undo": fetch},
            f"made: undo={fetch!r}; it takes only None, for nothing to undo. Declare an undo with @<step>.undo.",
        ),
        (
            {"local": True, "participant": "shop"},
            "made.fetch is local and names the participant shop, and a local step only touches our own database. "
            "Remove one of the two.",
        ),
        (
            {"participant": "p" * 101},
            "made.fetch: the participant's name has 101 characters. At most 100 are kept; shorten it.",
        ),
    ],
)
def test_a_step_that_no_worker_could_carry_out_is_refused(made: Any, options: dict[str, Any], sentence: str) -> None:
    with refuses(sentence):
        made.step(**options)(fetch)
    assert made.steps == []


@pytest.mark.parametrize("option", [{"timeout": timedelta(0)}, {"retry": 5}])
def test_a_pivot_is_held_to_what_a_step_is_held_to(made: Any, option: dict[str, Any]) -> None:
    with pytest.raises(SagaDeclarationError, match=f"made.fetch: {next(iter(option))}="):
        made.pivot(**option)(fetch)


def test_a_step_whose_name_the_table_cannot_keep_is_refused(made: Any) -> None:
    def long(ctx: Any) -> None: ...

    long.__name__ = "s" * 101
    with refuses(f"The step's name made.{'s' * 101} has 101 characters. At most 100 are kept; shorten it."):
        made.step(long)


class Callables:
    """Has steps of every kind that has no name of its own."""

    def __call__(self, ctx: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda ctx: None, "lambda"),
        (functools.partial(fetch), "partial"),
        (Callables(), "Callables"),
        (Callables, "type"),
    ],
)
def test_a_step_without_a_name_of_its_own_is_refused(made: Any, function: Any, what: str) -> None:
    sentence = f"made: a step is a function with a name of its own, and this is a {what}. Write it with def."
    with refuses(sentence):
        made.step(function)
    with refuses(sentence):
        made.pivot()(function)


def test_a_step_declared_as_a_step_again_is_refused(made: Any) -> None:
    step = made.step(fetch)
    with refuses("made: a step is a function with a name of its own, and this is a Step. Write it with def."):
        made.step(step)


def test_a_pivot_without_its_parentheses_is_refused(made: Any) -> None:
    with refuses("Write @made.pivot() with its parentheses."):
        made.pivot(fetch)


KINDS: dict[str, tuple[Callable[[Any], Callable[[Any], Any]], str, str]] = {
    "step": (lambda saga: saga.step, "made.{name}", "ctx"),
    "pivot": (lambda saga: saga.pivot(), "made.{name}", "ctx"),
    "undo": (lambda saga: saga.step(fetch).undo, "made.fetch: the undo", "ctx"),
    "probe": (lambda saga: saga.step(fetch).probe, "made.fetch: the probe", "ctx"),
    "recorded": (lambda saga: saga.step(fetch).recorded, "made.fetch: the recorded hook", "ctx, result"),
    "undone": (lambda saga: saga.step(fetch).undone, "made.fetch: the undone hook", "ctx"),
    "status_changed": (lambda saga: saga.status_changed, "made: the status hook", "change"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, made: Any) -> tuple[Callable[[Any], Any], str, str]:
    """A decorator, how a sentence calls what it declares, and what that is called with."""
    decorator, title, takes = KINDS[request.param]
    return decorator(made), title, takes


@pytest.mark.parametrize("function", [fetch_later, fetch_bit_by_bit_later])
def test_a_coroutine_function_is_refused(kind: Any, function: Any) -> None:
    declare, title, _ = kind
    title = title.format(name=function.__name__)
    with refuses(f"{title} is declared with async def, and workers call plain functions. Write it with def."):
        declare(function)


def test_a_generator_function_is_refused(kind: Any) -> None:
    declare, title, _ = kind
    title = title.format(name="fetch_bit_by_bit")
    with refuses(f"{title} yields, so that calling it would do nothing. Have it return instead."):
        declare(fetch_bit_by_bit)


def test_a_function_that_cannot_be_called_is_refused(kind: Any) -> None:
    declare, title, takes = kind
    with refuses(f"{title.format(name='takes_nothing')} is called with ({takes}). Have it take that."):
        declare(takes_nothing)


def test_a_recorded_hook_that_does_not_take_the_result_is_refused(made: Any) -> None:
    with refuses("made.fetch: the recorded hook is called with (ctx, result). Have it take that."):
        made.step(fetch).recorded(lambda ctx: None)


@pytest.mark.parametrize(("name", "takes"), [("probe", 1), ("recorded", 2), ("undone", 1)])
def test_what_a_step_has_already_is_not_replaced(made: Any, name: str, takes: int) -> None:
    def hook(*arguments: Any) -> None: ...

    step = made.step(fetch)
    getattr(step, name)(hook)
    kind = name if name == "probe" else f"{name} hook"
    with refuses(f"made.fetch has its {kind} declared already; keep one."):
        getattr(step, name)(hook)


def test_a_second_status_hook_is_refused(made: Any) -> None:
    made.status_changed(lambda change: None)
    with refuses("made has its status hook declared already; keep one."):
        made.status_changed(lambda change: None)


def test_a_second_undo_is_refused(made: Any) -> None:
    step = made.step(fetch)
    step.undo(lambda ctx: None)
    with refuses("fetch has its undo declared already; keep one."):
        step.undo(lambda ctx: None)


def test_an_undo_of_what_has_nothing_to_undo_is_refused(made: Any) -> None:
    step = made.step(undo=None)(fetch)
    with refuses("fetch says undo=None; keep one."):
        step.undo(lambda ctx: None)


def test_a_probe_of_a_local_step_is_refused(made: Any) -> None:
    step = made.step(local=True)(fetch)
    with refuses(
        "made.fetch is local: it is recorded or rolled back as one, so that there is no doubt to ask about. "
        "Remove its probe."
    ):
        step.probe(lambda ctx: None)


@dataclass(frozen=True)
class Wanted:
    what: str
    amount: int


@pytest.fixture
def wanted() -> Iterator[Saga[Wanted]]:
    saga = Saga[Wanted]("wanted")
    saga.step(undo=None)(fetch)
    yield saga
    registry.forget(saga)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"input": {"a": 1}}, "wanted is about Wanted, and this dict does not fit it: .*`what`.* Give a Wanted."),
        ({"input": Wanted("tea", "two")}, "wanted is about Wanted, and this Wanted does not fit it: .*amount"),  # type: ignore[arg-type]
        ({"input": Wanted("te\ud800a", 2)}, "wanted is about Wanted, and this Wanted does not fit it: .*surrogates"),
        (
            {"input": Wanted("te\x00a", 2)},
            "wanted: the input holds NUL, which PostgreSQL does not store",
        ),
        ({"key": "k" * 201}, "wanted: key='kkk.*; give at most 200 characters that PostgreSQL stores."),
        ({"subject": "\x00"}, "wanted: subject='.x00'; give at most 300 characters that PostgreSQL stores."),
    ],
)
def test_an_input_that_no_worker_could_read_is_refused_where_it_is_given(
    wanted: Saga[Any], given: dict[str, Any], sentence: str
) -> None:
    right: dict[str, Any] = {"input": Wanted("tea", 2), "key": "k", "subject": ""}
    with transaction.atomic(), pytest.raises(Unfit, match=f"^{sentence}"):
        wanted.start(**{**right, **given})
    assert wanted.start(**right)


@pytest.mark.parametrize("missing", ["sagas", "outbox"])
def test_a_saga_in_a_project_without_its_apps_says_which_is_missing(
    monkeypatch: pytest.MonkeyPatch, wanted: Saga[Any], missing: str
) -> None:
    monkeypatch.setattr(apps, "is_installed", lambda name: name != missing)
    sentence = (
        f'INSTALLED_APPS lacks "{missing}": a saga\'s runs and messages are kept in their tables. '
        "Add it, and run `manage.py migrate`."
    )
    with refuses(sentence):
        Saga[Wish]("nowhere")
    with refuses(sentence):
        wanted.start(Wanted("tea", 2), key="k")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"attempts": "4"}, "Retry(attempts='4'): give a whole number, at least 1, or None to retry until done."),
        ({"attempts": 2.5}, "Retry(attempts=2.5): give a whole number, at least 1, or None to retry until done."),
        ({"attempts": True}, "Retry(attempts=True): give a whole number, at least 1, or None to retry until done."),
        ({"first": 1}, "Retry(first=1): give a timedelta, such as first=timedelta(seconds=1)."),
        ({"factor": "2"}, "Retry(factor='2'): give a number."),
    ],
)
def test_a_retry_of_another_kind_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Retry(**wrong)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"at_once": "5"}, "Participant(at_once='5'): give a whole number."),
        ({"trip_after": None}, "Participant(trip_after=None): give a whole number."),
        ({"per_second": "fast"}, "Participant(per_second='fast'): give a number."),
        ({"hold": 5}, "Participant(hold=5): give a timedelta, such as timedelta(seconds=5)."),
    ],
)
def test_a_participant_of_another_kind_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Participant(**wrong)
