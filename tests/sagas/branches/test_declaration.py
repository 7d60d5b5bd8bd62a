"""Which steps stand side by side, and what is refused, with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from sagas import Saga, SagaDeclarationError, StepContext
from sagas.checks.declarations import check_declarations
from sagas.declare import registry
from sagas.declare.graph import parts
from tests.support.sagas.fleet import convoy, fleet, set_sail
from tests.support.sagas.voyage import Cargo, Voyage, sale, supply


@contextmanager
def declaring() -> Iterator[Saga[Voyage]]:
    saga = Saga[Voyage](f"drawn_{uuid4().hex[:8]}")
    try:
        yield saga
    finally:
        registry.forget(saga)


def named(name: str) -> Any:
    def run(ctx: StepContext[Voyage]) -> None: ...

    run.__name__ = name
    return run


def ancestors(after: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, direct in after.items():
        found[name] = frozenset(direct).union(*(found[one] for one in direct))
    return found


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({}, []),
        ({"a": set(), "b": {"a"}}, [["a"], ["b"]]),
        ({"a": set(), "b": set()}, [["a", "b"]]),
        ({"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}, [["a"], ["b", "c"], ["d"]]),
        ({"a": set(), "b": {"a"}, "c": {"a"}, "d": {"c"}}, [["a"], ["b", "c", "d"]]),
        ({"a": set(), "b": set(), "c": {"a", "b"}, "d": {"c"}, "e": {"c"}}, [["a", "b"], ["c"], ["d", "e"]]),
    ],
)
def test_what_every_path_goes_through_stays_a_step_of_its_own(after, expected):
    assert parts(list(after), ancestors(after)) == expected


def test_a_branchs_saga_has_all_that_a_saga_has():
    saga = next(iter(fleet.branches.values()))
    missing = [name for name in vars(fleet) if not name.startswith("__") and not hasattr(saga, name)]
    assert missing == []


def test_flower_shows_of_a_branch_what_it_shows_of_its_parent():
    saga = Saga[Voyage](f"drawn_{uuid4().hex[:8]}", label=lambda voyage: f"number {voyage}")
    try:
        saga.step(undo=None)(named("one"))
        saga.step(undo=None, after=[])(named("two"))
        branch = saga.branches["two"]
        assert branch.label is not None
        assert branch.label(SimpleNamespace(of=SimpleNamespace(input=7))) == "number 7"
    finally:
        registry.forget(saga)


def test_a_saga_without_after_is_the_list_that_it_was():
    with declaring() as saga:
        made = [saga.step(undo=None)(named(name)) for name in ("one", "two")]
        assert saga.steps == made
        assert [one.name for one in registry.all_sagas() if one.name.startswith(saga.name)] == [saga.name]


def test_the_engine_declares_a_saga_for_each_branch_under_the_parents_version():
    assert registry.find("fleet.trim", 1).steps[0].title == "fleet.trim"
    assert registry.find("convoy.load", 1).steps[0].result_type is str
    assert convoy.named("load").result_type == list[str]


def test_a_step_comes_after_steps_of_its_own_saga_that_stand_above():
    with declaring() as saga:
        saga.step(undo=None)(named("one"))
        with pytest.raises(SagaDeclarationError, match=r"names set_sail, a step of fleet\..*@<saga>\.child"):
            saga.step(undo=None, after=[set_sail])(named("two"))
        with pytest.raises(SagaDeclarationError, match=r"after='one'; give a list of steps that stand above"):
            saga.step(undo=None, after="one")(named("two"))  # type: ignore[arg-type]
        with pytest.raises(SagaDeclarationError, match=r"names 'one', which is no step"):
            saga.step(undo=None, after=["one"])(named("two"))  # type: ignore[list-item]


def test_a_step_comes_not_after_one_that_was_never_added():
    with declaring() as saga, declaring() as other:
        later = other.step(undo=None)(named("later"))
        later.saga = saga
        with pytest.raises(SagaDeclarationError, match="names later, which does not stand above it"):
            saga.step(undo=None, after=[later])(named("two"))


def test_what_starts_runs_itself_stands_alone():
    with declaring() as saga:
        first = saga.step(undo=None)(named("first"))
        saga.child(supply)(named("buy"))
        with pytest.raises(SagaDeclarationError, match=r"buy starts runs of its own, and stands side by side"):
            saga.step(undo=None, after=[first])(named("wait"))


def test_items_come_from_a_function_and_at_once_is_a_number():
    with declaring() as saga:
        with pytest.raises(SagaDeclarationError, match="give a function from the input to the items"):
            saga.each([1, 2])(named("one"))  # type: ignore[arg-type]
        with pytest.raises(SagaDeclarationError, match=r"at_once=0\); give a whole number from 1"):
            saga.each(lambda input: input.crates, at_once=0)(named("one"))


def test_a_saga_does_not_start_itself():
    with declaring() as saga, pytest.raises(SagaDeclarationError, match="would start runs of itself"):
        saga.child(saga)(named("again"))


def test_a_child_with_a_pivot_needs_an_undo_of_its_step_before_the_pivot():
    with declaring() as saga:

        @saga.child(sale)
        def sell(ctx: StepContext[Voyage]) -> Cargo:
            return Cargo("tea")

        @saga.pivot()
        def go(ctx: StepContext[Voyage]) -> None: ...

        ours = [problem for problem in check_declarations() if saga.name in problem.msg]
        assert [problem.id for problem in ours] == ["sagas.E050"]
        sell.undo(lambda ctx: None)
        assert not [problem for problem in check_declarations() if saga.name in problem.msg]


def test_the_checks_find_nothing_in_what_is_declared_well():
    assert not [problem for problem in check_declarations() if "fleet" in problem.msg or "convoy" in problem.msg]
    assert fleet.pivot_step is set_sail
