"""Badges and words for each status and outcome. No meaning depends on colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from ..models import Attempt, BulkAct, Run, RunStatus, Step, StepStatus


@dataclass(frozen=True, slots=True)
class Badge:
    """An icon of one character, a text, and a `tone`: a class of desk.css (ok, bad, wait, busy, act, calm)."""

    icon: str
    tone: str
    text: str


RUN_BADGES = {
    RunStatus.RUNNING: Badge("▶", "busy", "running"),
    RunStatus.UNDOING: Badge("↩", "wait", "undoing"),
    RunStatus.COMPLETED: Badge("✓", "ok", "completed"),
    RunStatus.COMPENSATED: Badge("↺", "calm", "undone"),
    RunStatus.STUCK: Badge("!", "bad", "stuck"),
    RunStatus.RESOLVED: Badge("✎", "calm", "resolved by hand"),
}
RUN_MEANINGS = {
    RunStatus.RUNNING: "Its steps are running, or wait for a retry. Nobody must act.",
    RunStatus.UNDOING: "A step was refused, or the run was cancelled: its steps are being undone. Nobody must act.",
    RunStatus.COMPLETED: "Every step is done. Final; nobody must act.",
    RunStatus.COMPENSATED: "Every step that may have taken effect is undone. Final; nobody must act.",
    RunStatus.STUCK: "The engine cannot know what is right. You must act: retry, skip, compensate, or resolve by hand.",
    RunStatus.RESOLVED: "An operator closed the run and recorded how it ended. Final; nobody must act.",
}
STILL_TRIED = (
    "It has failed so often that a person is asked. It is still being tried, and leaves the desk by itself when it "
    "succeeds. Fix the cause, or settle it yourself: skip the step, or resolve the run by hand."
)
STEP_BADGES = {
    StepStatus.PENDING: Badge("·", "calm", "not started"),
    StepStatus.RUNNING: Badge("▶", "busy", "running"),
    StepStatus.WAITING: Badge("…", "wait", "waiting to retry"),
    StepStatus.DONE: Badge("✓", "ok", "done"),
    StepStatus.REFUSED: Badge("✕", "bad", "refused"),
    StepStatus.PASSED_OVER: Badge("⤳", "wait", "failed, passed over"),
    StepStatus.IN_DOUBT: Badge("?", "bad", "in doubt"),
    StepStatus.UNDO_DUE: Badge("↩", "wait", "to be undone"),
    StepStatus.UNDOING: Badge("↩", "busy", "being undone"),
    StepStatus.UNDO_WAITING: Badge("…", "wait", "waiting to retry the undo"),
    StepStatus.UNDONE: Badge("↺", "calm", "undone"),
    StepStatus.UNDO_FAILED: Badge("!", "bad", "undo failed"),
}
OUTCOME_BADGES = {
    Attempt.Outcome.DONE: Badge("✓", "ok", "done"),
    Attempt.Outcome.REFUSED: Badge("✕", "bad", "refused"),
    Attempt.Outcome.IN_DOUBT: Badge("?", "bad", "no clear answer: it may have happened"),
    Attempt.Outcome.AWAY: Badge("…", "wait", "surely not applied, the participant is away"),
    Attempt.Outcome.AWAITS: Badge("…", "wait", "asked; somebody else must act before it goes on"),
    Attempt.Outcome.LOST: Badge("?", "bad", "worker lost: it may have happened"),
    Attempt.Outcome.OURS: Badge("!", "wait", "our own failure: no attempt is spent"),
}
IN_HAND = Badge("▶", "busy", "in a worker's hands")
ENDINGS = {
    "completed": "Completed: the participants have done all that the run was for",
    "compensated": "Undone: nothing of the run is left at the participants",
}
WHAT_FOLLOWS = {
    "away": "{participant} is away: the run waits for it with {step}, and no attempt is spent.",
    "retry": "A worker tries {step} again within seconds; reload to see the outcome.",
    "compensate": "Workers undo the steps one by one, the last one first; reload to see the progress.",
    "skip": "Workers go on with {step} within seconds; reload to see the progress.",
    "resolve": "The run is closed; no participant is called any more.",
    "pause": "Nobody takes a step of it until somebody resumes it.",
    "resume": "A worker goes on with {step} within seconds; reload to see the outcome.",
    "set_input": "The run is at the same step; if it is stuck, retry it.",
    "move": "It goes on by the newer version; if it is stuck, retry it.",
    "again": "The new run is on its way; the page of this one leads to it.",
    "approve": "A worker goes on with {step} within seconds; reload to see the outcome.",
    "decline": "Workers undo the steps one by one, the last one first; reload to see the progress.",
    "send_back": "A worker runs {step} again within seconds.",
    "postpone": "It waits until then with {step}.",
    "end_wait": "A worker goes on with {step} within seconds; reload to see the outcome.",
    "comment": "The run itself is as it was.",
    "assign": "The run itself is as it was.",
    "snooze": "It is off the first page until then; the lists still show it.",
}
BULK_BADGES = {
    BulkAct.State.RUNNING: Badge("▶", "busy", "being carried out"),
    BulkAct.State.FINISHED: Badge("✓", "ok", "finished"),
    BulkAct.State.STOPPED: Badge("■", "calm", "stopped"),
}
WAITING = Badge("…", "wait", "waiting")
WILL_NOT_RUN = Badge("·", "calm", "will not run")
PAUSED = "Paused: nobody takes a step of it, and its deadline stands still. Somebody must resume it."


def run_badge(run: Run) -> Badge:
    """The badge of a run: its status, and whether it is paused, waits or needs a person, and how it was resolved."""
    badge = RUN_BADGES[RunStatus(run.status)]
    if run.paused_at is not None and run.finished_at is None:
        return Badge("‖", "act", f"paused while {badge.text}")
    if run.needs_person and run.status != RunStatus.STUCK:
        return Badge("!", "bad", f"needs a person, still {badge.text}")
    if waits_for_participant(run):
        return Badge("…", "wait", f"{badge.text}, waiting") if run.status == RunStatus.UNDOING else WAITING
    if run.resolution:
        return Badge(badge.icon, badge.tone, f"{badge.text}, {RUN_BADGES[RunStatus(run.resolution)].text}")
    return badge


def waits_for_participant(run: Run) -> bool:
    """Whether the run waits only for a participant that is away."""
    return bool(run.waits_for) and run.paused_at is None


def meaning_of(run: Run) -> str:
    """One or two sentences: what the state of the run means, and who must act."""
    paused = run.paused_at is not None and run.finished_at is None
    if paused and run.status != RunStatus.STUCK:
        return PAUSED
    return STILL_TRIED if run.asks_since is not None else RUN_MEANINGS[RunStatus(run.status)]


def step_badge(run: Run, step: Step) -> Badge:
    """The badge of a step: its status, or that it waits for its participant, or that it will not run."""
    if waits_for_participant(run) and step.position == run.position:
        return WAITING
    if step.status == StepStatus.WAITING and step.error_class == "Awaits":
        return WAITING
    over = run.status in (RunStatus.UNDOING, RunStatus.COMPENSATED, RunStatus.RESOLVED)
    turned = over or (run.status == RunStatus.STUCK and step.position > run.position and _goes_back(run))
    return WILL_NOT_RUN if step.status == StepStatus.PENDING and turned else STEP_BADGES[StepStatus(step.status)]


def _goes_back(run: Run) -> bool:
    return any(step.status == StepStatus.UNDO_FAILED for step in run.steps.all())


def readable(name: str) -> str:
    """The name of a function in words: `reserve_stock` becomes `Reserve stock`."""
    return name.replace("_", " ").strip().capitalize()
