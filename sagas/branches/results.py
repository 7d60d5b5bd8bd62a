"""What the steps of a run returned, for whoever is not a step of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ..declare.step import Step
from ..engine.work import results_of


def result_of(run_id: UUID, step: Step[Any, Any]) -> Any:
    """What that step of the run returned. Raises Unfit if it is not done."""
    return results_of(run_id)(step.name, step.kept_type)
