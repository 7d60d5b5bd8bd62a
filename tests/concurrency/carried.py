"""An order on its way, whichever way it is carried: taken to a moment, and on to its end, in this process."""

from __future__ import annotations

import threading
from typing import Any

from orders.choreography import journeys, turning
from orders.choreography.events import CaptureRefused
from orders.choreography.forward import name_of
from orders.models import JourneyStep, Order
from orders.sagas import Checkout, book_shipment, capture_payment
from sagas import sql
from sagas.declare.step import Step
from sagas.engine.transitions import begin_undo, locked
from sagas.models import Attempt, Run, StepStatus
from sagas.testing.fake_participants import FakeParticipants
from tests.orders.choreography.driver import MOST, deliver, relayed
from tests.orders.choreography.driver import carry as carry_by_events
from tests.orders.choreography.story import EventStory, all_goes_well
from tests.support.sagas.clock import let_the_lease_run_out
from tests.support.sagas.driver import carry as carry_run
from tests.support.sagas.driver import step_once


class Carried:
    """What the tests of both have in common."""

    coordination = ""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.stage: FakeParticipants = all_goes_well(EventStory(order), order.saga_key).stage

    @property
    def now(self) -> Order:
        """The order as it is in the database."""
        return Order.objects.get(pk=self.order.pk)

    @property
    def charged(self) -> bool:
        return capture_payment.name in self.stage.applied


class BySaga(Carried):
    """One saga above it."""

    coordination = "saga"

    @property
    def run(self) -> Run:
        return Run.objects.get(key=self.order.saga_key)

    def go_on_to(self, step: Step[Checkout, Any]) -> None:
        """Until its turn has come."""
        for _ in range(step.position):
            step_once(self.run.pk)

    def book(self) -> None:
        """A worker has the link that books the parcel."""
        step_once(self.run.pk)

    def begin_capture(self) -> bool:
        """A worker's claim of the capture, in the caller's transaction; whether it got it."""
        step = {"run": self.run.pk, "position": capture_payment.position, "version": 1}
        return sql.claim({**step, "lease": 30, "worker": "w", "task": "t", "traceparent": ""}, undo=False) is not None

    def refuse(self, code: str) -> None:
        """The run turns around, in the caller's transaction."""
        begin_undo(locked(self.run.pk), code=code, reason="no")

    def end(self) -> Order:
        """On to the end. Whoever had begun the capture has died since."""
        let_the_lease_run_out(capture_payment.name)
        carry_run(self.run.pk)
        return self.now

    def undos(self) -> dict[str, int]:
        """How often each undo was begun."""
        names = Attempt.objects.filter(direction=Attempt.Direction.UNDO).values_list("step", flat=True)
        return {name: list(names).count(name) for name in names}


class ByEvents(Carried):
    """Events alone."""

    coordination = "choreography"

    def go_on_to(self, step: Step[Checkout, Any]) -> None:
        """Until its turn has come."""
        for _ in range(MOST):
            for one in relayed():
                for subscriber in one.to:
                    if subscriber == name_of(step):
                        self.next = one
                        return
                    deliver(one, subscriber)
        raise AssertionError(f"The turn of {step.name} never came.")

    def book(self) -> None:
        """A worker has the message upon which the parcel is booked."""
        deliver(self.next, name_of(book_shipment))

    def begin_capture(self) -> bool:
        return journeys.begin(self.order.pk, capture_payment) is not None

    def refuse(self, code: str) -> None:
        """The bank says no to the capture; in the caller's transaction."""
        assert self.begin_capture()
        event = CaptureRefused(self.order.pk, code, "no")
        turning.refuse(capture_payment, StepStatus.REFUSED, event, Exception("no"))

    def end(self) -> Order:
        carry_by_events(self.order.pk)
        return self.now

    def undos(self) -> dict[str, Any]:
        return dict(JourneyStep.objects.filter(undo_attempts__gt=0).values_list("name", "undo_attempts"))
