"""The crash points of a saga: where a worker can die, or an answer or a message can be lost or doubled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagas.declare.saga import Saga
from sagas.declare.spread import Group
from sagas.declare.step import Step

BEFORE_CALL = "before_call"
AFTER_CALL = "after_call"
BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"
BEFORE_ACK = "before_ack"
ANSWER_LOST = "answer_lost"
DOUBLED = "doubled"

GAPS = {
    BEFORE_CALL: "The worker is killed when it has taken the step, before it calls the participant.",
    AFTER_CALL: "The worker is killed when the participant has applied the call, before anything is recorded.",
    BEFORE_COMMIT: "The worker is killed in the transaction that records the outcome, before it commits.",
    AFTER_COMMIT: "The worker is killed when the outcome is committed, before the next link or step.",
    BEFORE_ACK: "The worker is killed when its task is over and the next link is sent, before the message is acked.",
    ANSWER_LOST: "The participant applies the call, and the worker gets an error in place of the answer.",
    DOUBLED: "Every message of the run is delivered twice.",
}
"""Each gap in a sentence. `doubled` concerns a whole run; all others exist at each step and each undo."""
KILLS = (BEFORE_CALL, AFTER_CALL, BEFORE_COMMIT, AFTER_COMMIT, BEFORE_ACK)


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One gap at one step or undo. `str()` gives an id for a test."""

    saga: str
    version: int
    gap: str
    step: str = ""
    """Empty when the gap concerns the whole run."""
    undo: bool = False
    turns_at: str = ""
    """The step that is refused so that the run is undone; empty for a run that goes forward."""

    def __str__(self) -> str:
        way = "undo" if self.undo else "run"
        return "-".join(filter(None, [way, self.step, self.gap]))

    @property
    def sentence(self) -> str:
        """The step and what goes wrong there, for a report."""
        where = f"{'Undo of ' if self.undo else ''}{self.step}" if self.step else "Undo" if self.undo else "Run"
        return f"{where}: {GAPS[self.gap]}"


def crash_points(saga: Saga[Any]) -> list[CrashPoint]:
    """All crash points of a saga: each gap at each step and undo, and doubled messages, forwards and undoing.

    Steps side by side have theirs, and so has the step that starts them and waits.
    """
    turns_at = (saga.pivot_step or saga.steps[-1]).name
    steps = [*saga.steps, *(step for group in saga.steps for step in _branches(group))]
    undos = [step for step in steps if step.has_undo]
    forward = [_at(saga, gap, step) for step in steps for gap in (*KILLS, ANSWER_LOST)]
    backward = [_at(saga, gap, step, turns_at) for step in undos for gap in (*KILLS, ANSWER_LOST)]
    whole = [CrashPoint(saga.name, saga.version, DOUBLED)]
    if undos:
        whole.append(CrashPoint(saga.name, saga.version, DOUBLED, undo=True, turns_at=turns_at))
    return forward + backward + whole


def _branches(step: Step[Any, Any]) -> list[Step[Any, Any]]:
    """The steps that stand side by side in this one; those of items bear its name, and are met as it is."""
    return [saga.steps[0] for saga in step.spread.sagas] if isinstance(step.spread, Group) else []


def _at(saga: Saga[Any], gap: str, step: Step[Any, Any], turns_at: str = "") -> CrashPoint:
    return CrashPoint(saga.name, saga.version, gap, step.name, bool(turns_at), turns_at)
