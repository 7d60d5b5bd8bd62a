"""What the customer sees of an order while it moves, in plain words."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from sagas.errors import OWN_FAILURE
from sagas.models import RunStatus, Step, StepStatus

from .. import wording
from ..cancelling import customer_request
from ..coordination.choose import progress_of
from ..coordination.progress import PAYING, Progress
from ..models import JourneyStep, Order
from ..wording import StepWords, Words
from .waiting import Hold, hold_of

STATES = {
    StepStatus.PENDING: "todo",
    StepStatus.RUNNING: "working",
    StepStatus.WAITING: "waiting",
    StepStatus.DONE: "done",
    StepStatus.REFUSED: "refused",
    StepStatus.PASSED_OVER: "passed over",
    StepStatus.IN_DOUBT: "person",
    StepStatus.UNDO_DUE: "undoing",
    StepStatus.UNDOING: "undoing",
    StepStatus.UNDO_WAITING: "undoing",
    StepStatus.UNDONE: "undone",
    StepStatus.UNDO_FAILED: "person",
}
STILL = ("todo", "waiting", "undoing")
"""A step in one of these may be held; one that a worker has in hand is still finished."""
LABELS = {
    "todo": "to do",
    "working": "working",
    "waiting": "waiting",
    "done": "done",
    "refused": "refused",
    "passed over": "went on without it",
    "undoing": "being undone",
    "undone": "undone",
    "skipped": "not needed",
    "person": "needs a person",
    "settled": "settled by hand",
}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One line of the list."""

    title: str
    state: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The moving part of the order page."""

    order: Order
    steps: list[ShownStep]
    charge: str
    """What has become of the customer's money, in a sentence."""
    can_cancel: bool
    hold: Hold | None = None
    progress: Progress | None = None
    race: str = ""
    """Who won when the customer asked to cancel; empty when nobody asked."""

    @classmethod
    def of(cls, order: Order) -> Timeline:
        """The order as it stands now."""
        progress, now = progress_of(order), timezone.now()
        race = wording.race(customer_request.told(order))
        if progress is None:
            return cls(order, [], wording.charge(order, StepStatus.PENDING), can_cancel=False, race=race)
        hold = hold_of(progress, now, action_url=order.action_url)
        return cls(
            order=order,
            steps=[
                show(step, progress, now, hold) for step in progress.steps if order.total or step.name not in PAYING
            ],
            charge=wording.charge(order, progress.capture),
            can_cancel=progress.can_cancel,
            hold=hold,
            progress=progress,
            race=race,
        )

    @property
    def headline(self) -> str:
        """The state of the order in one sentence."""
        return (self.hold and self.hold.headline) or wording.HEADLINES[self.order.status]

    @property
    def reason(self) -> str:
        """Why it is not going as wished; empty while all goes well."""
        why = wording.customer_reason(self.order)
        return f"{why} {self.hold.reason}".lstrip() if self.hold else why

    @property
    def action_url(self) -> str:
        """Where the customer confirms the payment; empty while the bank does not ask for that."""
        asked = self.hold is not None and self.hold.label == wording.WAITS_FOR_CUSTOMER
        return self.order.action_url if asked else ""

    @property
    def pause(self) -> str:
        """How long the page waits before it asks again; empty when nothing will change any more."""
        if self.order.is_final:
            return ""
        if self.hold is not None:
            return self.hold.pause
        return "5s" if self.order.status == Order.Status.NEEDS_ATTENTION else "700ms"

    @property
    def fingerprint(self) -> str:
        """Changes with anything that is shown."""
        shown = (
            self.order.status,
            self.order.version,
            self.order.tracking,
            self.headline,
            self.reason,
            self.charge,
            self.race,
            self.can_cancel,
            self.action_url,
            self.steps,
        )
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def is_still(steps: Sequence[ShownStep], hold: Hold | None) -> bool:
    """Whether what is shown changes with what `row_state` sees alone: the rows, and the queue. Any other hold, and a
    step that is tried again, count the time."""
    return (hold is None or hold.in_queue) and not any(step.note for step in steps if step.state != "refused")


def show(
    step: Step | JourneyStep,
    progress: Progress,
    now: datetime,
    hold: Hold | None,
    said: Words = wording,
) -> ShownStep:
    """One step in the customer's words, which `said` knows."""
    words = said.step(step.name)
    state = state_of(step, progress.status)
    if hold is not None and step.position == progress.position and state in STILL:
        return ShownStep(words.title(state), "waiting", hold.label, "")
    explained = "" if state in {"settled", "undone"} else note(step, words, now, said)
    return ShownStep(words.title(state), state, LABELS[state], explained)


def state_of(step: Step | JourneyStep, run_status: str) -> str:
    """The step's state, seen together with its run's: what has not begun by now may never begin."""
    state = STATES[StepStatus(step.status)]
    match run_status:
        case RunStatus.UNDOING | RunStatus.COMPENSATED if state == "todo":
            return "skipped"
        case RunStatus.COMPENSATED if state == "person":
            return "undone"
        case RunStatus.STUCK if state == "waiting":
            return "person"
        case RunStatus.RESOLVED if state not in {"done", "refused", "passed over", "undone"}:
            return "skipped" if state == "todo" else "settled"
        case _:
            return state


def note(step: Step | JourneyStep, words: StepWords, now: datetime, said: Words = wording) -> str:
    """More about a step that does not simply succeed; else empty."""
    match step.status:
        case StepStatus.WAITING | StepStatus.UNDO_WAITING if step.error_code == OWN_FAILURE:
            return f"Something failed on our side; {soon(step.next_attempt_at, now)}."
        case StepStatus.WAITING | StepStatus.UNDO_WAITING:
            return f"{words.who} did not answer; {soon(step.next_attempt_at, now)}."
        case StepStatus.RUNNING if step.attempts > 1:
            return f"Attempt {step.attempts}."
        case StepStatus.REFUSED:
            return said.reason(step.error_code)
        case StepStatus.IN_DOUBT:
            return f"{words.who} did not say whether this happened. A person is finding out."
        case StepStatus.UNDO_FAILED:
            return "This could not be undone by itself. A person is looking at it."
        case _:
            return ""


def soon(at: datetime | None, now: datetime) -> str:
    """When the next attempt is due."""
    seconds = math.ceil((at - now).total_seconds()) if at else 0
    return f"trying again in {seconds} s" if seconds > 0 else "trying again now"
