"""Where a run is: its current step, that step's participant, and whether it can still be undone safely."""

from __future__ import annotations

from datetime import datetime

from outbox.messages import codec

from ..declare import registry
from ..engine.transitions import passed_pivot
from ..errors import SagaError
from ..models import Run, RunStatus, Step, StepStatus
from .labels import readable, waits_for_participant


def current_step(run: Run) -> Step | None:
    """The step at the run's position; None before the first step and after the last one."""
    return next((step for step in run.steps.all() if step.position == run.position), None)


def current_participant(run: Run) -> str:
    """The participant of the current step; empty when the step calls none, or this code does not declare it."""
    step = current_step(run)
    try:
        return registry.find(run.name, run.version).named(step.name).participant if step else ""
    except (SagaError, KeyError):
        return ""


def where_it_is(run: Run) -> str:
    """The current step with its status and its attempts, in words: `Pay, done, 2 attempts`."""
    step = current_step(run)
    if step is None or run.finished_at is not None:
        return "at its end"
    tries = step.undo_attempts if run.status == RunStatus.UNDOING else step.attempts
    title = readable(step.name)
    label = "waiting" if step.error_class == "Awaits" else StepStatus(step.status).label
    status = f"waits for {run.waits_for}" if waits_for_participant(run) else label
    return f"{title}, {status}, {tries} {'attempt' if tries == 1 else 'attempts'}"


def pivot_in_doubt(run: Run) -> bool:
    """Whether the pivot was called and the run goes forward: to undo it now might take back what is final."""
    return run.status != RunStatus.UNDOING and _pivot_was_called(run)


def deadline_of(run: Run) -> datetime | None:
    """The run's deadline; None when it no longer counts: the run is paused, over, or has called its pivot."""
    counts = run.status == RunStatus.RUNNING and run.paused_at is None and not _pivot_was_called(run)
    return run.deadline_at if counts else None


def subject_url(run: Run) -> str:
    """The admin page of what the run is about; empty when the declaration names none, or cannot be read here."""
    try:
        saga = registry.find(run.name, run.version)
        if saga.admin_url is None:
            return ""
        return saga.admin_url(codec.decode(saga.input_type, codec.encode(run.input)))
    except (SagaError, ValueError):  # an old run, whose input this code no longer reads
        return ""


def record_urls(run: Run) -> dict[str, str]:
    """By participant: where it shows what it knows of the run. Those without such a page are left out."""
    try:
        saga = registry.find(run.name, run.version)
        if saga.record_url is None:
            return {}
        input = codec.decode(saga.input_type, codec.encode(run.input))
    except (SagaError, ValueError):  # an old run, whose input this code no longer reads
        return {}
    participants = {step.participant for step in saga.steps if step.participant}
    urls = {participant: saga.record_url(input, participant) for participant in participants}
    return {participant: url for participant, url in urls.items() if url}


def _pivot_was_called(run: Run) -> bool:
    step = current_step(run)
    return step is not None and passed_pivot(run, step)
