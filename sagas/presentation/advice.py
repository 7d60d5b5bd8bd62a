"""What an operator is advised to do about a run: the advice of its declaration, or else of the engine."""

from __future__ import annotations

from ..declare import registry
from ..errors import OWN_FAILURE, STILL_FAILING, SagaError
from ..models import Run

ENGINE = {
    STILL_FAILING: "Ask the participant, or look into its records, why the call fails each time. Once that is fixed, "
    "the next attempt succeeds by itself; Retry now makes it at once.",
    OWN_FAILURE: "This is our own failure, not the participant's: fix our code or our database, as the error says. "
    "Then the run continues by itself; Retry now makes the next attempt at once.",
}


def advice_for(run: Run) -> str:
    """The advice for the error code of the current step or undo of a run that needs an operator.

    Empty when there is none, or the run needs no operator. The code for which the run is undone does not count: it is
    not the reason why the run is stuck.
    """
    if not run.needs_person:
        return ""
    try:
        advised = registry.find(run.name, run.version).advised
    except SagaError:  # not declared here any more
        advised = {}
    words = ENGINE | advised
    return next((words.get(step.error_code, "") for step in run.steps.all() if step.position == run.position), "")
