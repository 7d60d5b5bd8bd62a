"""A step that asks its participant nothing for some inputs: those do not wait for it, and say nothing about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from sagas import Refused, Saga, SagaDeclarationError, StepContext, UndoContext
from sagas.declare import registry
from sagas.models import Breaker, Run, RunStatus
from sagas.participants.breaker import admit, open_by_hand
from sagas.participants.calls import settled
from sagas.participants.lookup import breakers
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.driver import begin, carry, step_once

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Basket:
    """The input."""

    amount: int
    fits: bool = True


def is_free(basket: Basket) -> bool:
    return not basket.amount


@pytest.fixture
def saga() -> Iterator[Saga[Basket]]:
    """Holds, packs, charges; the bank is asked unless there is nothing to pay."""
    saga = Saga[Basket]("free", deadline=timedelta(minutes=5))

    @saga.step(participant="bank", unless=is_free)
    def hold(ctx: StepContext[Basket]) -> None:
        """The bank, or nobody."""

    @hold.undo
    def let_go(ctx: UndoContext[Basket, None]) -> None:
        """The bank, or nobody."""

    @saga.step(undo=None)
    def pack(ctx: StepContext[Basket]) -> None:
        if not ctx.input.fits:
            raise Refused("no_room")

    @saga.pivot(participant="bank", unless=is_free)
    def charge(ctx: StepContext[Basket]) -> None:
        """The bank, or nobody."""

    yield saga
    registry.forget(saga)


def test_while_the_participant_is_away_those_who_ask_it_nothing_go_on(saga: Saga[Basket]) -> None:
    open_by_hand("bank", "away")
    assert carry(begin(saga, Basket(0))).status == RunStatus.COMPLETED
    assert carry(begin(saga, Basket(0, fits=False), "k2")).status == RunStatus.COMPENSATED
    paying = begin(saga, Basket(1), "k3")
    step_once(paying)
    assert Run.objects.get(pk=paying).waits_for == "bank"
    assert Breaker.objects.get(name="bank").state == Breaker.State.OPEN


def test_they_are_no_trial_of_whether_it_is_back(saga: Saga[Basket]) -> None:
    for _ in range(3):
        settled(admit("bank", 30), answered=False, reason="connection refused")
    Breaker.objects.update(open_until=LONG_AGO)
    breakers.forget()
    assert carry(begin(saga, Basket(0))).status == RunStatus.COMPLETED
    assert Breaker.objects.get(name="bank").state == Breaker.State.OPEN
    assert carry(begin(saga, Basket(1), "k2")).status == RunStatus.COMPLETED
    assert Breaker.objects.get(name="bank").state == Breaker.State.CLOSED


def test_unless_without_a_participant_is_refused_where_it_is_declared() -> None:
    saga = Saga[Basket]("free_of_all")
    try:
        with pytest.raises(SagaDeclarationError, match=r"pay says unless= and names no participant"):

            @saga.step(unless=is_free)
            def pay(ctx: StepContext[Basket]) -> None:
                """Nobody."""
    finally:
        registry.forget(saga)
