"""Two versions of one saga side by side: a run keeps the version and the step list that it was started with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sagas import Refused, Retry, Saga, SagaError, StepContext, UndoContext
from sagas.declare import registry
from sagas.engine.run_ready import RunReady
from sagas.models import Run
from sagas.worker.chains import chain_of
from tests.support.sagas.driver import begin, carry, step_once

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Plain:
    what: str


@dataclass(frozen=True)
class Gift:
    what: str
    ribbon: str


@dataclass
class Versions:
    """Version 1 buys and sends; version 2 wraps in between, under the same names, and takes another input."""

    one: Saga[Plain]
    two: Saga[Gift]
    log: list[str]
    refuse: set[str]

    def call(self, name: str) -> None:
        self.log.append(name)
        if name in self.refuse:
            raise Refused("no")


@pytest.fixture
def versions() -> Iterator[Versions]:
    made = Versions(Saga[Plain]("thing", version=1), Saga[Gift]("thing", version=2), [], set())
    declare_one(made)
    declare_two(made)
    yield made
    registry.forget(made.one)
    registry.forget(made.two)


def declare_one(made: Versions) -> None:
    @made.one.step
    def buy(ctx: StepContext[Plain]) -> None:
        made.call(f"buy {ctx.input.what} 1")

    @buy.undo
    def give_back(ctx: UndoContext[Plain, None]) -> None:
        made.call("give_back 1")

    @made.one.pivot()
    def send(ctx: StepContext[Plain]) -> None:
        made.call("send 1")


def declare_two(made: Versions) -> None:
    @made.two.step
    def buy(ctx: StepContext[Gift]) -> str:
        made.call(f"buy {ctx.input.what} 2")
        return "bought"

    @buy.undo
    def give_back(ctx: UndoContext[Gift, str]) -> None:
        made.call(f"give_back {ctx.result} 2")

    @made.two.step(retry=Retry(attempts=1))
    def wrap(ctx: StepContext[Gift]) -> None:
        made.call(f"wrap in {ctx.input.ribbon} 2")

    @wrap.undo
    def unwrap(ctx: UndoContext[Gift, None]) -> None:
        made.call("unwrap 2")

    @made.two.pivot()
    def send(ctx: StepContext[Gift]) -> None:
        made.call("send 2")


def steps_of(run: Run) -> list[tuple[str, str]]:
    return list(run.steps.values_list("name", "status"))


def test_each_run_is_completed_on_the_steps_of_its_own_version(versions: Versions) -> None:
    old = begin(versions.one, Plain("cup"), key="old")
    new = begin(versions.two, Gift("cup", "red"), key="new")
    step_once(new)
    assert carry(old).status == "completed"
    assert carry(new).status == "completed"
    assert versions.log == ["buy cup 2", "buy cup 1", "send 1", "wrap in red 2", "send 2"]
    assert steps_of(Run.objects.get(key="old")) == [("buy", "done"), ("send", "done")]
    assert steps_of(Run.objects.get(key="new")) == [("buy", "done"), ("wrap", "done"), ("send", "done")]


def test_each_run_is_undone_on_the_steps_of_its_own_version(versions: Versions) -> None:
    versions.refuse = {"send 1", "send 2"}
    old = begin(versions.one, Plain("cup"), key="old")
    new = begin(versions.two, Gift("cup", "red"), key="new")
    assert carry(new).status == "compensated"
    assert carry(old).status == "compensated"
    assert versions.log == [
        *("buy cup 2", "wrap in red 2", "send 2", "unwrap 2", "give_back bought 2"),
        *("buy cup 1", "send 1", "give_back 1"),
    ]


def test_a_run_goes_on_when_a_newer_version_is_deployed_under_way(versions: Versions) -> None:
    registry.forget(versions.two)
    old = begin(versions.one, Plain("cup"))
    step_once(old)
    registry.register(versions.two)
    assert carry(old).version == 1
    assert versions.log == ["buy cup 1", "send 1"]


def test_a_chain_holds_the_steps_of_its_runs_version(versions: Versions) -> None:
    old = begin(versions.one, Plain("cup"))
    chains: list[Any] = [chain_of(RunReady(old, "thing", version, undo=False, position=0)) for version in (1, 2)]
    assert [[link.args[1:] for link in chain.tasks] for chain in chains] == [
        [("thing", 1, "buy"), ("thing", 1, "send")],
        [("thing", 2, "buy"), ("thing", 2, "wrap"), ("thing", 2, "send")],
    ]


def test_each_declaration_starts_its_own_version(versions: Versions) -> None:
    begin(versions.two, Gift("cup", "red"), key="new")
    begin(versions.one, Plain("cup"), key="old")
    assert dict(Run.objects.values_list("key", "version")) == {"new": 2, "old": 1}


@pytest.mark.parametrize("first", [1, 2])
def test_the_same_key_is_the_same_run_whatever_the_version(versions: Versions, first: int) -> None:
    starts = [lambda: begin(versions.one, Plain("cup")), lambda: begin(versions.two, Gift("cup", "red"))]
    ids = {start() for start in (starts if first == 1 else reversed(starts))}
    assert ids == {Run.objects.get().pk}
    assert Run.objects.get().version == first
    assert carry(ids.pop()).status == "completed"


def test_a_run_whose_version_is_gone_is_left_untouched_until_it_is_back(versions: Versions) -> None:
    old = begin(versions.one, Plain("cup"))
    registry.forget(versions.one)
    with pytest.raises(SagaError, match="Saga thing, version 1, is not declared here"):
        step_once(old)
    assert [status for _, status in steps_of(Run.objects.get())] == ["pending", "pending"]
    registry.register(versions.one)
    assert carry(old).status == "completed"
