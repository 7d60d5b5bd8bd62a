"""Version 1 of the trip, which books the hotel after the flight: its runs end on it. Nothing starts one any more."""

from __future__ import annotations

from typing import Any

from sagas import Saga, Step

from .sagas import Journey, as_booked, declared, follow, trip

first = declared(version=1)
first.validator(as_booked)
first.status_changed(follow)


def declare_again(saga: Saga[Journey], step: Step[Journey, Any]) -> None:
    """Declare the step as the next one of that saga, with all that is declared of it."""
    options: dict[str, Any] = {
        "participant": step.participant,
        "timeout": step.timeout,
        "retry": step.retry,
        "unless": step.unless,
    }
    if step.is_pivot:
        made = saga.pivot(**options)(step.written)
    else:
        declare: Any = saga.step(**options, undo_retry=step.undo_retry, local=step.local)
        made = declare(step.written)
    if step.undo_run is not None and step.has_undo:
        made.undo(step.undo_run)
    made.probe_run, made.awaiting_run = step.probe_run, step.awaiting_run
    made.recorded_run, made.undone_run = step.recorded_run, step.undone_run
    made.validator_run, made.expected_run, made.differs = step.validator_run, step.expected_run, step.differs


for one in trip.declared.values():
    declare_again(first, one)
