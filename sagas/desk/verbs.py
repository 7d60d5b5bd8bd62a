"""The acts as the admin and the command line offer them, and when a run allows each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..models import OPEN, Run, RunStatus
from . import answers, input_changes, skips
from .acts import UNDO_STATUSES
from .again import check_again, may_run_again, run_again
from .answers import approve, decline, send_back
from .handling import assign, comment, snooze
from .input_changes import set_input
from .pauses import pause, resume
from .resolutions import compensate, resolve, retry_now
from .skips import skip
from .version_moves import move, newer_versions
from .waits import end_wait, postpone, waits_now


@dataclass(frozen=True, slots=True)
class Verb:
    """An act with its title, its explanation and its permission."""

    name: str
    title: str
    explains: str
    permission: str
    """Empty for an answer: `who` says who may give it."""
    do: Callable[..., object]
    takes: str = ""
    """The name of the argument that the act needs beside its reason; empty for none."""
    also: tuple[str, ...] = ()
    """The names of further arguments, which may be left out."""
    many: bool = False
    """Whether the act can be done to many runs at once."""
    aside: bool = False
    """Whether it leaves the run as it is: a note for other people."""
    check: Callable[..., str] | None = None
    """Called with the run and the act's arguments before the act is proposed to a second person; returns what that
    person must know of what was given, such as how it differs from what is owed, and empty for nothing."""
    who: Callable[..., None] | None = None
    """Called with the run and the actor; raises SagaError, with the reason, for one who may not do it."""

    def permits(self, user: Any, run: Run | None = None) -> bool:
        """Whether the user may do it, to the run where one is given."""
        if self.who is None:
            return bool(user.has_perm(self.permission))
        return run is not None and answers.may_answer(run, user)


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "retry",
            "Retry now",
            "Calls the current step once more, under the same idempotency key: what the participant has already done "
            "is not done twice.",
            "sagas.retry_run",
            retry_now,
            many=True,
        ),
        Verb(
            "skip",
            "Skip with a result",
            "Calls nobody: you have done the current step, or its undo, yourself. The step counts as done with the "
            "result that you give, or its undo counts as done, and the run continues with the next one.",
            "sagas.skip_run",
            skip,
            takes="result",
            check=skips.check_skip,
        ),
        Verb(
            "compensate",
            "Compensate",
            "Undoes every step that may have taken effect, the last one first. If the point of no return is in doubt, "
            "its participant is asked first; if it took effect, the run goes forward instead.",
            "sagas.compensate_run",
            compensate,
            many=True,
        ),
        Verb(
            "resolve",
            "Resolve by hand",
            "Closes the run and calls nobody: you have settled it with the participants yourself, and say how it "
            "ended.",
            "sagas.resolve_run",
            resolve,
            takes="ended",
            many=True,
        ),
        Verb(
            "pause",
            "Pause",
            "No worker starts a step of the run until it is resumed. A step that is running is finished first; the "
            "deadline stops counting.",
            "sagas.pause_run",
            pause,
            many=True,
        ),
        Verb(
            "resume",
            "Resume",
            "Workers run the steps again, from the current one on. The deadline moves by the length of the pause.",
            "sagas.pause_run",
            resume,
            many=True,
        ),
        Verb(
            "set_input",
            "Change the input",
            "The steps that are still to come get the new input. What was done is not done again, and the run keeps "
            "its position. A participant that was called already is called again under the same idempotency key; it "
            "may answer as before, or refuse the difference.",
            "sagas.change_input_run",
            set_input,
            takes="changes",
            check=input_changes.check_input,
        ),
        Verb(
            "move",
            "Move to a newer version",
            "The run continues by the step list of a newer version of its saga. What is done stays done; the steps of "
            "that version replace those that were not called yet.",
            "sagas.move_run",
            move,
            takes="version",
            many=True,
        ),
        Verb(
            "again",
            "Run again from a step",
            "Starts a new run under a new key, with the same input. The steps before the one that you choose count as "
            "done, with their results; those from there on are carried out once more, under new idempotency keys.",
            "sagas.again_run",
            run_again,
            takes="from_step",
            also=("key", "confirm"),
            check=check_again,
        ),
        Verb(
            "approve",
            "Approve",
            "Says yes: the run goes on with what you fill in.",
            "",
            approve,
            takes="form",
            check=answers.check_form,
            who=answers.refuse_stranger,
        ),
        Verb(
            "decline",
            "Decline",
            "Says no: what the run has done is undone, and your reason is the run's.",
            "",
            decline,
            who=answers.refuse_stranger,
        ),
        Verb(
            "send_back",
            "Send back",
            "The steps from the one that you choose run once more, and you are asked again. Say what is to be changed.",
            "",
            send_back,
            takes="to",
            who=answers.refuse_stranger,
        ),
        Verb(
            "postpone",
            "Move the date",
            "The run waits until the time that you give: for its date, or for the answer of somebody. An answer that "
            "comes before then still counts.",
            "sagas.move_wait_run",
            postpone,
            takes="due",
            many=True,
        ),
        Verb(
            "end_wait",
            "End the wait",
            "The date that the run waits for counts as come. A run that waits for an answer goes on, or is undone, as "
            "it would be without an answer in time.",
            "sagas.move_wait_run",
            end_wait,
            many=True,
        ),
        Verb(
            "comment",
            "Comment",
            "Writes your words into the record of the run, for whoever looks at it next. Nothing else changes.",
            "sagas.handle_run",
            comment,
            many=True,
            aside=True,
        ),
        Verb(
            "assign",
            "Assign",
            "Says who looks after the run. Nothing else changes.",
            "sagas.handle_run",
            assign,
            takes="assignee",
            many=True,
            aside=True,
        ),
        Verb(
            "snooze",
            "Snooze",
            "Takes the run off the first page until a time that you give. The lists still show it, and a run that is "
            "being tried is tried on.",
            "sagas.handle_run",
            snooze,
            takes="until",
            many=True,
            aside=True,
        ),
    )
}


ANSWERS = ("approve", "decline", "send_back")


def allowed(run: Run, verb: str) -> bool:
    """Whether the state of the run allows the verb; the admin shows a button for it then."""
    if verb in ("comment", "again"):
        return verb == "comment" or may_run_again(run)
    if run.status not in OPEN:
        return False
    if run.is_branch and verb in ("set_input", "move"):
        return False
    if verb in ("assign", "resolve", "snooze", "pause", "resume"):
        return _by_run(run, verb)
    if verb in (*ANSWERS, "postpone", "end_wait"):
        return _by_wait(run, verb)
    if verb in ("retry", "compensate") and run.paused_at is not None:
        return False
    undoing = verb in ("compensate", "move") and run.steps.filter(status__in=UNDO_STATUSES).exists()
    if verb == "compensate":
        return not undoing and (run.pivot is None or run.position <= run.pivot)
    return verb != "move" or (not undoing and bool(newer_versions(run)))


def _by_wait(run: Run, verb: str) -> bool:
    if verb in ("postpone", "end_wait"):
        return waits_now(run) is not None
    asked = answers.asked_of(run)
    return asked is not None and (verb != "send_back" or bool(asked.wait and asked.wait.back_to))


def _by_run(run: Run, verb: str) -> bool:
    if verb == "assign":
        return True
    if verb in ("resolve", "snooze"):
        return run.needs_person
    if verb == "pause":
        return run.paused_at is None and run.status != RunStatus.STUCK
    return run.paused_at is not None
