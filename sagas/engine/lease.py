"""How long a worker has a step to itself."""

from __future__ import annotations

from typing import Any

from ..declare.saga import Step
from ..settings import saga_settings


def lease_seconds(step: Step[Any, Any]) -> float:
    """How long a claim of the step holds: its timeout, once more for its probe, and a margin."""
    asks = 2 if step.probe_run is not None else 1
    return (step.timeout * asks + saga_settings.LEASE_MARGIN).total_seconds()
