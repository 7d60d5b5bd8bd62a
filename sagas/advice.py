"""What the declaration advises a person to do about a stuck run."""

from __future__ import annotations

from . import registry
from .errors import SagaError
from .models import Run, RunStatus


def advice_for(run: Run) -> str:
    """The words declared for the code with which the step, or the undo, was refused at which the run is stuck.

    Empty when there are none, or the run is not stuck. What the run is undone for is no reason for being stuck.
    """
    if run.status != RunStatus.STUCK:
        return ""
    try:
        advised = registry.find(run.name, run.version).advised
    except SagaError:  # not declared here any more
        return ""
    return next((advised.get(step.error_code, "") for step in run.steps.all() if step.position == run.position), "")
