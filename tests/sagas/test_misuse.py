"""Misuse that is refused at import, each with the exact sentence that says how to mend it."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sagas import Retry, Saga, SagaDeclarationError, registry


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
