"""The acts as the admin and the command line offer them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..models import OPEN, Run, RunStatus
from . import input_changes, skips
from .acts import UNDO_STATUSES
from .input_changes import set_input
from .pauses import pause, resume
from .resolutions import compensate, resolve, retry_now
from .skips import skip
from .version_moves import move, newer_versions


@dataclass(frozen=True, slots=True)
class Verb:
    """An act as it is offered."""

    name: str
    title: str
    explains: str
    permission: str
    do: Callable[..., None]
    takes: str = ""
    """The argument that the act needs beside its reason."""
    many: bool = False
    """Whether it makes sense for many runs at once."""
    check: Callable[..., None] | None = None
    """Called with the run and what the act is given, before that is proposed to a second person."""


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "retry",
            "Retry now",
            "Tries the step at which the run stands once more, under the same idempotency key: what the participant "
            "did before is not done twice.",
            "sagas.retry_run",
            retry_now,
            many=True,
        ),
        Verb(
            "skip",
            "Skip with a result",
            "Calls nobody: you have seen to the step at which the run stands, or to its undo, yourself. The step "
            "counts as done with the result you give, its undo as done, and the run goes on with the next one.",
            "sagas.skip_run",
            skip,
            takes="result",
            check=skips.check_skip,
        ),
        Verb(
            "compensate",
            "Compensate",
            "Undoes every step that may have happened, the last one first. If the point of no return is in doubt, the "
            "participant is asked first: if it did happen, the run goes forward instead.",
            "sagas.compensate_run",
            compensate,
            many=True,
        ),
        Verb(
            "resolve",
            "Resolve by hand",
            "Closes the run without calling anybody: you have settled it with the participants yourself and say how it "
            "ended.",
            "sagas.resolve_run",
            resolve,
            takes="ended",
            many=True,
        ),
        Verb(
            "pause",
            "Pause",
            "No worker takes a step of the run until it is resumed. A step that is in a worker's hands is finished "
            "first; the deadline stands still.",
            "sagas.pause_run",
            pause,
            many=True,
        ),
        Verb(
            "resume",
            "Resume",
            "Workers take the run's steps again, from where it stands. Its deadline moves on by the time that "
            "it was paused.",
            "sagas.pause_run",
            resume,
            many=True,
        ),
        Verb(
            "set_input",
            "Change the input",
            "The steps that are still to come are given the new input; what was done is not done again, and the run "
            "stays where it is. A participant that was asked already is asked again under the same idempotency key, "
            "and may answer as it did before or refuse the difference.",
            "sagas.change_input_run",
            set_input,
            takes="changes",
            check=input_changes.check_input,
        ),
        Verb(
            "move",
            "Move to a newer version",
            "The run goes on by the step list of a newer version of its saga. What is done stays done; the steps that "
            "nobody was asked for are replaced by that version's.",
            "sagas.move_run",
            move,
            takes="version",
            many=True,
        ),
    )
}


def allowed(run: Run, verb: str) -> bool:
    """Whether the verb can be applied to the run as it is read here: what the admin shows as buttons."""
    if run.status not in OPEN:
        return False
    if verb in ("resolve", "pause", "resume"):
        return _by_run(run, verb)
    if verb in ("retry", "compensate") and run.paused_at is not None:
        return False
    undoing = verb in ("compensate", "move") and run.steps.filter(status__in=UNDO_STATUSES).exists()
    if verb == "compensate":
        return not undoing and (run.pivot is None or run.position <= run.pivot)
    return verb != "move" or (not undoing and bool(newer_versions(run)))


def _by_run(run: Run, verb: str) -> bool:
    if verb == "resolve":
        return run.needs_person
    if verb == "pause":
        return run.paused_at is None and run.status != RunStatus.STUCK
    return run.paused_at is not None
