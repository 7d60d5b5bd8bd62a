"""How a participant is asked: through the breaker and the limits that the sagas use, so that both see one outage."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from outbox.consuming import failures
from outbox.messages import codec
from sagas import StepContext
from sagas.declare.saga import Step
from sagas.participants.breaker import Admission, admit, answered, is_away, settled, unconcerned
from sagas.participants.breaker_cache import standings

from ..models import Journey
from ..sagas import Checkout

logger = logging.getLogger(__name__)
C = TypeVar("C")
V = TypeVar("V")

MARGIN = timedelta(seconds=5)
"""Beyond a step's timeout: for how long a slot or a trial is ours."""
SOONEST = timedelta(seconds=1)


def admission(step: Step[Checkout, Any], order_id: UUID) -> Admission:
    """Whether the participant takes a call now. Give it to `call`, or to `unused`."""
    return admit("" if _asks_nobody(order_id, step) else step.participant, (step.timeout + MARGIN).total_seconds())


def _asks_nobody(order_id: UUID, step: Step[Checkout, Any]) -> bool:
    """Whether the step asks its participant nothing for this order, as in a saga's run."""
    if step.unless is None or unconcerned(step.participant):
        return False
    journey = Journey.objects.only("input").filter(pk=order_id).first()
    return journey is not None and step.unless(codec.decode(Checkout, journey.input))


def unused(admitted: Admission) -> None:
    """The call is not made."""
    settled(admitted, answered=None)


def call(admitted: Admission, function: Callable[[C], V], context: C) -> V:
    """Make the call, and have the participant's breaker know what came of it."""
    try:
        value = function(context)
    except Exception as error:
        settled(admitted, answered=answered(error), reason=str(error))
        raise
    settled(admitted, answered=True)
    return value


def is_held(step: Step[Any, Any], error: Exception) -> bool:
    """Whether all calls to the participant are held, this error being one of the reasons: that costs no attempt."""
    return is_away(error) and not standings.of(step.participant).closed


def is_theirs(error: Exception) -> bool:
    """Whether the participant failed, or the way to it; else we did."""
    return answered(error) is not None


def hold(step: Step[Any, Any]) -> timedelta:
    """How long the calls to the participant are held from now on."""
    return max(timedelta(seconds=standings.of(step.participant).left), SOONEST)


def probe(step: Step[Any, Any], context: StepContext[Any]) -> tuple[Any] | None:
    """What the participant says became of the call, in a tuple: a result, or NotApplied. None when it says nothing."""
    if step.probe_run is None:
        return None
    try:
        return (step.probe_run(context),)
    except Exception as error:  # a probe changes nothing, so that its failure only leaves the doubt
        if failures.is_infrastructure(error):
            raise
        logger.warning("choreography.probe_failed", exc_info=True, extra={"step": step.name})
        return None
