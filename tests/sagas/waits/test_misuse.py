"""Waits that cannot be are refused at import, each with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from sagas import Refused, Saga, SagaDeclarationError
from sagas.checks import check_declarations
from sagas.declare import registry

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Ask:
    at: datetime


@dataclass(frozen=True)
class Form:
    price: int


@pytest.fixture
def made() -> Iterator[Any]:
    """A saga of the test's own, forgotten afterwards. Untyped, since the tests say what types forbid."""
    saga = Saga[Ask]("made_of_waits", deadline=10 * DAY)
    yield saga
    registry.forget(saga)


def pay(ctx: Any) -> None: ...


NO = Refused("no_answer")
MAY = {"permission": "sagas.pause_run"}


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda saga: saga.wait("w"), "give one of until=, a date, and for_="),
        (lambda saga: saga.wait("w", until="at", for_=DAY), "give one of until=, a date, and for_="),
        (lambda saga: saga.wait("w", until="when"), "until='when' is no field of Ask"),
        (lambda saga: saga.wait("w", until=lambda: None), "until is called with (ctx)"),
        (lambda saga: saga.wait("w", for_=timedelta(0)), "give a timedelta above zero"),
        (lambda saga: saga.wait("w", for_=11 * DAY), "would undo the run first. Raise the deadline"),
        (lambda saga: saga.wait("a wait", for_=DAY), "'a wait' is no name for a step"),
        (lambda saga: saga.signal("s", Form, within=-DAY, else_=NO), "give a timedelta above zero"),
        (lambda saga: saga.signal("s", Form, within=DAY), "within= and else_= go together"),
        (lambda saga: saga.signal("s", Form, else_=NO), "within= and else_= go together"),
        (lambda saga: saga.signal("s", Form, within=DAY, else_="none"), "is neither a Refused nor a Form"),
        (lambda saga: [saga.signal("s", Form), saga.signal("s", Form)], "has two steps named s; rename one"),
        (lambda saga: saga.wait("w", for_=DAY).undo(pay), "w waits, and a wait leaves nothing to undo"),
        (lambda saga: saga.wait("w", for_=DAY).probe(pay), "is local"),
        (
            lambda saga: [saga.pivot()(pay), saga.signal("s", Form, within=DAY, else_=NO)],
            "comes after the pivot, where nothing is undone any more. Give a value",
        ),
        (lambda saga: [saga.pivot()(pay), saga.approval("a", Form, **MAY)], "comes after the pivot, where a no"),
        (lambda saga: saga.approval("a", Form), "say who may answer"),
        (lambda saga: saga.approval("a", Form, permission="pause_run"), "write it with its app"),
        (lambda saga: saga.approval("a", int, **MAY), "its form is a dataclass"),
        (
            lambda saga: saga.approval("a", Form, **MAY, within=DAY, else_=NO, remind=2 * DAY),
            "is not before within=",
        ),
        (
            lambda saga: saga.approval("a", Form, **MAY, back_to=(saga.step(undo=None)(pay),)),
            "sends back to pay, and pay would run again: only a step with local=True",
        ),
        (lambda saga: saga.signal("s", Form).sent_back(pay), "is never sent back"),
    ],
)
def test_it_is_refused_with_a_sentence(made, declare, told):
    with pytest.raises(SagaDeclarationError) as refused:
        declare(made)
    assert told in str(refused.value)


def test_after_the_pivot_a_wait_may_be_longer_than_the_deadline(made):
    made.pivot()(pay)
    made.wait("w", for_=100 * DAY)
    made.signal("s", Form, within=100 * DAY, else_=Form(0))
    assert [step.name for step in made.steps] == ["pay", "w", "s"]


def test_a_run_that_may_wait_for_ever_is_warned_of():
    saga = Saga[Ask]("for_ever")
    try:
        saga.signal("s", Form)
        saga.wait("w", for_=DAY)
        found = [one for one in check_declarations() if "for_ever" in one.msg]
    finally:
        registry.forget(saga)
    assert [(one.id, "within=… and else_=…" in str(one.hint)) for one in found] == [("sagas.W007", True)]
