"""What an operator is advised to do about a run: the advice of its declaration, or else of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..declare import registry
from ..declare.saga import Saga
from ..errors import OWN_FAILURE, STILL_FAILING, SagaError
from ..models import Run

ENGINE = {
    STILL_FAILING: "Ask the participant, or look into its records, why the call fails each time. Once that is fixed, "
    "the next attempt succeeds by itself; Retry now makes it at once.",
    OWN_FAILURE: "This is our own failure, not the participant's: fix our code or our database, as the error says. "
    "Then the run continues by itself; Retry now makes the next attempt at once.",
    "in_doubt": "Ask the participant whether it happened. Retry now asks it once more, under the same key: what it has "
    "done already is not done twice.",
    "unreadable": "Change the input to one that this code reads, then retry.",
}


def advice_for(run: Run) -> str:
    """The advice for a run that needs an operator: for the error code of its current step or undo, else for the cause
    that the first page names.

    Empty when there is none, or the run needs no operator. The code for which the run is undone does not count: it is
    not the reason why the run is stuck.
    """
    if not run.needs_person:
        return ""
    code = next((step.error_code for step in run.steps.all() if step.position == run.position), "")
    try:
        declared = [registry.find(run.name, run.version)]
    except SagaError:  # not declared here any more
        declared = []
    return advice_of(declared, code) or advice_of(declared, run.desk_code)


def advice_of(declared: Iterable[Saga[Any]], code: str) -> str:
    """The advice for a code: that of the newest of these versions of a saga which has some, or else the engine's."""
    advised: dict[str, str] = dict(ENGINE)
    for saga in declared:
        advised |= saga.advised
    return advised.get(code, "")
