"""A story of one order that is carried by events, told in the words of `sagas.testing`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from orders.choreography import turning
from orders.models import Journey, Order
from orders.participants.carrier import Booking, Parcel
from orders.participants.payments import Authorization, Capture
from orders.participants.warehouse import Reservation
from orders.sagas import (
    Checkout,
    authorize_payment,
    book_shipment,
    capture_payment,
    checkout,
    dispatch_parcel,
    reserve_stock,
)
from outbox.testing import published
from sagas.declare.step import Step
from sagas.testing import Scenario
from sagas.testing.fake_participants import FakeParticipants
from sagas.testing.when import When, WhenProbing, WhenUndoing

from .driver import carry

CheckoutStep = Step[Checkout, Any]
Told = TypeVar("Told", bound="EventStory | Scenario[Any]")


def all_goes_well(story: Told, key: str) -> Told:
    """The same story, in which each participant does what it is asked for two mugs and a lamp."""
    answers: dict[CheckoutStep, object] = {
        authorize_payment: Authorization("pi_1", 16600, "EUR"),
        reserve_stock: Reservation(key, "reserved", (("mug", 2), ("lamp", 1))),
        book_shipment: Booking(key, "label", "booked"),
        capture_payment: Capture("pi_1", 16600),
        dispatch_parcel: Parcel(key, "SC-1"),
    }
    for step, answer in answers.items():
        story.when(step).returns(answer)
    return story


class EventStory:
    """What is to happen to one order; played at the first expectation."""

    def __init__(self, order: Order) -> None:
        self.order, self.stage = order, FakeParticipants(checkout)
        self.events: dict[str, Callable[[], object]] = {}
        self.doubled = False
        self._journey: Journey | None = None

    def when(self, step: CheckoutStep) -> When[Self, Any]:
        return When(self, self.stage.forward[step.name], self.stage.results, step.name)

    def when_undoing(self, step: CheckoutStep) -> WhenUndoing[Self]:
        return WhenUndoing(self, self.stage.backward[step.name])

    def when_probing(self, step: CheckoutStep) -> WhenProbing[Self, Any]:
        return WhenProbing(self, self.stage.probes[step.name])

    def before(self, step: CheckoutStep, act: Callable[[], object]) -> Self:
        """`act` is called before the step's message is delivered for the first time."""
        self.events[f"{step.participant}.{step.name}"] = act
        return self

    def cancelled_before(self, step: CheckoutStep) -> Self:
        return self.before(step, lambda: turning.cancel(self.order.pk))

    def with_doubled_messages(self) -> Self:
        self.doubled = True
        return self

    @property
    def journey(self) -> Journey:
        """The journey at the end of the story."""
        if self._journey is None:
            with self.stage.set():
                self._journey = carry(self.order.pk, before=self._happen, doubled=self.doubled)
            self.order.refresh_from_db()
        return self._journey

    def expect_completed(self) -> Self:
        assert (self.journey.state, self.order.status) == ("ended", "confirmed"), self._told()
        assert not self.stage.undone
        return self

    def expect_undone(self, *steps: CheckoutStep) -> Self:
        assert (self.journey.state, self.order.status) == ("ended", "cancelled"), self._told()
        assert set(self.stage.undone) == {step.name for step in steps}
        assert not [step.name for step in checkout.steps if step.name in self.stage.applied and step.has_undo]
        return self

    def expect_stuck(self, words: str = "") -> Self:
        assert self.journey.due_at is None
        assert self.order.status == "needs_attention", self._told()
        assert words in self.order.status_reason, self.order.status_reason
        return self

    def expect_attempts(self, step: CheckoutStep, times: int) -> Self:
        assert self.journey.steps.get(name=step.name).attempts == times, self._told()
        return self

    def expect_published(self, event_type: type[Any], *events: Any) -> Self:
        _, found = self.journey, published(event_type)
        assert found == list(events) if events else found
        return self

    def expect_nothing_published(self, event_type: type[Any]) -> Self:
        _, found = self.journey, published(event_type)
        assert not found
        return self

    def _happen(self, subscriber: str) -> None:
        self.events.pop(subscriber, lambda: None)()

    def _told(self) -> str:
        steps = [
            f"{step.name}: {step.status}, {step.attempts} attempts, {step.error}" for step in self.journey.steps.all()
        ]
        return f"{self.order.status}: {self.order.status_reason}\n" + "\n".join(steps)
