"""What a person is advised to do about a run on the desk: by its declaration, else by the engine where it can say."""

from __future__ import annotations

from ..declare import registry
from ..engine.asking import OWN_FAILURE, STILL_FAILING
from ..errors import SagaError
from ..models import Run

ENGINE = {
    STILL_FAILING: "Ask the participant, or look at its own records, why it fails each time. Once it is well the next "
    "attempt goes on by itself; Retry now has it made at once.",
    OWN_FAILURE: "This is our own failure, and no word of the participant's: mend our code, or our database, as the "
    "error says. Then it goes on by itself; Retry now has it tried at once.",
}


def advice_for(run: Run) -> str:
    """The words declared for the code with which the step, or the undo, failed at which the run is on the desk.

    Empty when there are none, or the run needs no person. What the run is undone for is no reason for being stuck.
    """
    if not run.needs_person:
        return ""
    try:
        advised = registry.find(run.name, run.version).advised
    except SagaError:  # not declared here any more
        advised = {}
    words = ENGINE | advised
    return next((words.get(step.error_code, "") for step in run.steps.all() if step.position == run.position), "")
