"""One saga carries the order: it asks the one company after the other."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from sagas import Step, TooLate, WrongState, desk
from sagas.models import Attempt, Run, RunStatus, StepStatus

from ..lifecycle.status import mark_cancelling
from ..models import Order
from ..sagas import Checkout, capture_payment, checkout
from .progress import Progress, of_run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BySaga:
    """The run of `orders/sagas.py` that has the order's key. For what each method does see `Coordinator`."""

    order: Order
    has_run = True

    def start(self, wish: Checkout) -> None:
        checkout.start(wish, key=self.order.saga_key, subject=f"{self.order.number} {self.order.email}")

    def lock(self) -> None:
        Run.objects.select_for_update().filter(name=checkout.name, key=self.order.saga_key).first()

    def cancel(self) -> bool:
        try:
            checkout.cancel(self.order.saga_key, reason="The customer cancelled the order.", actor="customer")
        except TooLate:
            return False
        mark_cancelling(self.order.pk, "cancelled")
        return True

    def withdraw(self, code: str, reason: str, *, actor: str) -> bool:
        try:
            with transaction.atomic():
                checkout.cancel(self.order.saga_key, reason=reason, actor=actor, code=code)
                mark_cancelling(self.order.pk, code)
        except TooLate:
            return False
        return True

    def wake(self, step: Step[Checkout, Any]) -> bool:
        return checkout.wake(self.order.saga_key, step=step.name)

    def ask_again(self, step: Step[Checkout, Any], *, actor: str, reason: str) -> None:
        retry_in_doubt(step, self.order.saga_key, actor=actor, reason=reason)

    def charge_begun_at(self) -> datetime | None:
        tries = Attempt.objects.filter(
            run__name=checkout.name,
            run__key=self.order.saga_key,
            step=capture_payment.name,
            direction=Attempt.Direction.FORWARD,
        ).exclude(outcome=Attempt.Outcome.AWAY)
        return tries.order_by("id").values_list("started_at", flat=True).first()

    def progress(self) -> Progress | None:
        found = Run.objects.filter(name=checkout.name, key=self.order.saga_key)
        run = found.prefetch_related("steps").first()
        return None if run is None else of_run(run)


def retry_in_doubt(declared: Step[Any, Any], key: str, *, actor: str, reason: str) -> None:
    """Try the step of that key's run once more that is on a person's desk because nobody knows whether it happened."""
    run = Run.objects.filter(name=declared.saga.name, key=key, status=RunStatus.STUCK).first()
    step = run.steps.filter(position=run.position).first() if run else None
    if run is None or step is None or step.name != declared.name or step.status != StepStatus.IN_DOUBT:
        return
    try:
        desk.retry_now(run.pk, actor=desk.Person(actor), reason=reason, row_version=run.row_version)
    except (WrongState, desk.SecondPersonNeeded) as error:  # an operator was quicker, or two are to decide
        logger.info("webhooks.not_retried", extra={"run": str(run.pk), "why": str(error)})
