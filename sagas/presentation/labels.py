"""What the admin calls things: icon, tone and words for each status and outcome. Meaning never hangs on colour."""

from __future__ import annotations

from dataclasses import dataclass

from ..models import Attempt, BulkAct, Run, RunStatus, Step, StepStatus


@dataclass(frozen=True, slots=True)
class Face:
    """How something looks: `tone` is a class of desk.css (ok, bad, wait, busy, act, calm), `icon` one character."""

    icon: str
    tone: str
    text: str


RUN = {
    RunStatus.RUNNING: Face("▶", "busy", "running"),
    RunStatus.UNDOING: Face("↩", "wait", "undoing"),
    RunStatus.COMPLETED: Face("✓", "ok", "completed"),
    RunStatus.COMPENSATED: Face("↺", "calm", "undone"),
    RunStatus.STUCK: Face("!", "bad", "stuck"),
    RunStatus.RESOLVED: Face("✎", "calm", "resolved by hand"),
}
MEANS = {
    RunStatus.RUNNING: "Its steps are being carried out, or wait for their next attempt. Nobody must act.",
    RunStatus.UNDOING: "A step was refused, or the run was cancelled: what was done is being undone. Nobody must act.",
    RunStatus.COMPLETED: "Every step is done. Final; nobody must act.",
    RunStatus.COMPENSATED: "Everything that may have happened is undone. Final; nobody must act.",
    RunStatus.STUCK: "The engine would have to guess. You must act: retry, skip, compensate, or resolve by hand.",
    RunStatus.RESOLVED: "An operator closed the run and said how it ended. Final; nobody must act.",
}
ASKS = (
    "It has failed so often that a person is asked; it is still being tried, and leaves the desk by itself when it "
    "succeeds. Mend what keeps it from that, or settle it yourself: skip the step, or resolve by hand."
)
STEP = {
    StepStatus.PENDING: Face("·", "calm", "not started"),
    StepStatus.RUNNING: Face("▶", "busy", "running"),
    StepStatus.WAITING: Face("…", "wait", "waiting to retry"),
    StepStatus.DONE: Face("✓", "ok", "done"),
    StepStatus.REFUSED: Face("✕", "bad", "refused"),
    StepStatus.IN_DOUBT: Face("?", "bad", "in doubt"),
    StepStatus.UNDO_DUE: Face("↩", "wait", "to be undone"),
    StepStatus.UNDOING: Face("↩", "busy", "being undone"),
    StepStatus.UNDO_WAITING: Face("…", "wait", "waiting to retry the undo"),
    StepStatus.UNDONE: Face("↺", "calm", "undone"),
    StepStatus.UNDO_FAILED: Face("!", "bad", "undo failed"),
}
OUTCOME = {
    Attempt.Outcome.DONE: Face("✓", "ok", "done"),
    Attempt.Outcome.REFUSED: Face("✕", "bad", "refused"),
    Attempt.Outcome.IN_DOUBT: Face("?", "bad", "no clear answer: it may have happened"),
    Attempt.Outcome.AWAY: Face("…", "wait", "surely not applied, the participant is away"),
    Attempt.Outcome.AWAITS: Face("…", "wait", "asked; somebody else must act before it goes on"),
    Attempt.Outcome.LOST: Face("?", "bad", "worker lost: it may have happened"),
    Attempt.Outcome.OURS: Face("!", "wait", "our own failure: no attempt is spent"),
}
IN_HAND = Face("▶", "busy", "in a worker's hands")
ENDED = {
    "completed": "Completed: the participants hold what the run was to bring about",
    "compensated": "Undone: nothing of the run is left at the participants",
}
NEXT = {
    "away": "{participant} is away: the run waits for it with {step}, and no attempt is spent.",
    "retry": "A worker tries {step} again within seconds; reload to see what came of it.",
    "compensate": "Workers undo the steps one after the other, the last one first; reload to see how far they are.",
    "skip": "Workers go on with {step} within seconds; reload to see how far they are.",
    "resolve": "The run is closed; no participant is called and nobody looks at it again.",
    "pause": "Nobody takes a step of it until somebody resumes it.",
    "resume": "A worker goes on with {step} within seconds; reload to see what came of it.",
    "set_input": "The run is where it was; if it is stuck, retry it.",
    "move": "It goes on by the newer version; if it is stuck, retry it.",
}
BULK = {
    BulkAct.State.RUNNING: Face("▶", "busy", "being carried out"),
    BulkAct.State.FINISHED: Face("✓", "ok", "finished"),
    BulkAct.State.STOPPED: Face("■", "calm", "stopped"),
}
WAITING = Face("…", "wait", "waiting")
WONT_RUN = Face("·", "calm", "will not run")
PAUSED = "Paused: nobody takes a step of it, and its deadline stands still. Somebody must resume it."


def run_face(run: Run) -> Face:
    """The face of a run's status; a resolved run says how it ended, one that is paused or waits says so."""
    face = RUN[RunStatus(run.status)]
    if run.paused_at is not None and run.finished_at is None:
        return Face("‖", "act", f"paused while {face.text}")
    if run.needs_person and run.status != RunStatus.STUCK:
        return Face("!", "bad", f"needs a person, still {face.text}")
    if waits(run):
        return Face("…", "wait", f"{face.text}, waiting") if run.status == RunStatus.UNDOING else WAITING
    if run.resolution:
        return Face(face.icon, face.tone, f"{face.text}, {RUN[RunStatus(run.resolution)].text}")
    return face


def waits(run: Run) -> bool:
    """Whether nothing but a participant that is away keeps the run from going on."""
    return bool(run.waits_for) and run.paused_at is None


def means(run: Run) -> str:
    """What a run's state means, and who must act."""
    paused = run.paused_at is not None and run.finished_at is None
    if paused and run.status != RunStatus.STUCK:
        return PAUSED
    return ASKS if run.asks_since is not None else MEANS[RunStatus(run.status)]


def step_face(run: Run, step: Step) -> Face:
    """The face of a step's status; one that waits for its participant, or will not run any more, says so."""
    if waits(run) and step.position == run.position:
        return WAITING
    over = run.status in (RunStatus.UNDOING, RunStatus.COMPENSATED, RunStatus.RESOLVED)
    turned = over or (run.status == RunStatus.STUCK and step.position > run.position and _goes_back(run))
    return WONT_RUN if step.status == StepStatus.PENDING and turned else STEP[StepStatus(step.status)]


def _goes_back(run: Run) -> bool:
    return any(step.status == StepStatus.UNDO_FAILED for step in run.steps.all())


def spoken(name: str) -> str:
    """A function's name as words: `reserve_stock` is Reserve stock."""
    return name.replace("_", " ").strip().capitalize()
