"""The timeline of a run: its attempts, the waits between them, and what people did, oldest first.

Pure functions of the rows and the time. Waits are not rows; they are the gaps between attempts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from ..desk.proposals import PROPOSE
from ..engine.asking import ASKED, WENT_ON
from ..models import Act, Attempt, Run, RunStatus, Step, StepStatus
from .beats import said
from .labels import ENDINGS, IN_HAND, OUTCOME_BADGES, STEP_BADGES, Badge, readable

SHORTEST_WAIT = timedelta(seconds=1)
"""A shorter gap between two steps is not shown: it is the usual time from one task to the next."""
FACTS = (
    "status",
    "paused",
    "version",
    "step",
    "step_status",
    "resolution",
    "cancel_requested",
    "result",
    "differs",
    "steps",
    "assignee",
    "snoozed_until",
    "due_at",
    "answer",
    "sent_back_to",
    "again_key",
    "from_step",
    "confirmed",
)
"""The facts of an act that are shown. Its record holds more, for audits."""
ENGINE = {
    ASKED: (Badge("!", "bad", "asked"), "On the desk: a person is asked, and it is still being tried"),
    WENT_ON: (Badge("✓", "ok", "went on"), "Off the desk: it went on by itself"),
}
"""The records that the engine itself writes."""
IN_HANDS = (StepStatus.RUNNING, StepStatus.UNDOING)


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that an act changed."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    badge: Badge
    title: str
    kind: str = "event"
    """attempt, pause, act, now or event: a class of desk.css."""
    text: str = ""
    error_class: str = ""
    lasted: timedelta | None = None
    worker: str = ""
    task_id: str = ""
    changes: tuple[Change, ...] = ()


def timeline(
    run: Run, steps: Sequence[Step], attempts: Sequence[Attempt], acts: Sequence[Act], now: datetime
) -> list[Entry]:
    """All entries of a run, oldest first, what is due at the end. `attempts` and `acts` must be ordered by id."""
    found = [_accepted(run)]
    found += [_attempt(attempt, now) for attempt in attempts]
    found += _gaps(run, attempts, acts)
    found += _acts(attempts, acts)
    found += _cancel_request(run, acts)
    return [*sorted(found, key=lambda entry: entry.at), *_ending(run), *_now(run, steps, now)]


def _accepted(run: Run) -> Entry:
    by = f"By request {run.request_id}." if run.request_id else ""
    return Entry(run.created_at, Badge("●", "calm", "accepted"), "Accepted", text=by)


def _attempt(attempt: Attempt, now: datetime) -> Entry:
    badge = OUTCOME_BADGES[Attempt.Outcome(attempt.outcome)] if attempt.outcome else IN_HAND
    return Entry(
        attempt.started_at,
        badge,
        f"{_doing(attempt)}, attempt {attempt.number}",
        kind="attempt",
        text=" — ".join(filter(None, [attempt.error_text, said(attempt)])),
        error_class=attempt.error_class,
        lasted=(attempt.ended_at or now) - attempt.started_at,
        worker=attempt.worker,
        task_id=attempt.task_id,
    )


def _gaps(run: Run, attempts: Sequence[Attempt], acts: Sequence[Act]) -> Iterator[Entry]:
    """The past waits, each between two attempts, unless an operator's act lies between them."""
    yield from _first_wait(run, attempts)
    for before, after in pairwise(attempts):
        ended = before.ended_at
        if ended is None or any(ended <= act.at <= after.started_at for act in acts):
            continue
        lasted = after.started_at - ended
        if (before.step, before.direction) == (after.step, after.direction):
            yield _wait(ended, lasted, "Waited for the next attempt", _cause(before))
        elif before.direction != after.direction:
            yield Entry(ended, Badge("↩", "wait", "turned around"), "Turned around: what may have happened is undone")
        elif lasted >= SHORTEST_WAIT:
            yield _wait(ended, lasted, "Waited for a worker or a participant")


def _first_wait(run: Run, attempts: Sequence[Attempt]) -> Iterator[Entry]:
    if attempts and attempts[0].number == 1 and attempts[0].started_at - run.created_at >= SHORTEST_WAIT:
        yield _wait(run.created_at, attempts[0].started_at - run.created_at, "Waited for a worker or a participant")


def _acts(attempts: Sequence[Attempt], acts: Sequence[Act]) -> Iterator[Entry]:
    """What people did, each after how long the stuck run had waited for it."""
    for act in acts:
        if act.verb in ENGINE:
            yield Entry(act.at, *ENGINE[act.verb], text=act.reason)
            continue
        if act.before.get("status") == RunStatus.STUCK != act.after.get("status", RunStatus.STUCK):
            parked = max((one.ended_at for one in attempts if one.ended_at and one.ended_at <= act.at), default=None)
            if parked is not None:
                badge = Badge("!", "bad", "stuck")
                yield Entry(parked, badge, "Stuck: waited for a person", kind="pause", lasted=act.at - parked)
        title = f"{readable(act.verb)} by {act.actor_name}"
        yield Entry(act.at, Badge("✎", "act", act.verb), title, kind="act", text=act.reason, changes=changes_of(act))


def changes_of(act: Act) -> tuple[Change, ...]:
    """What an act changed, in words; of the input, only the changed fields. A proposal has changed nothing yet."""
    if act.verb.startswith(PROPOSE):
        return ()
    facts = [(name, act.before.get(name), act.after.get(name)) for name in FACTS]
    shown = [change_of(readable(name), was, is_) for name, was, is_ in facts if was != is_]
    old, new = act.before.get("input", {}), act.after.get("input", {})
    return (*shown, *(change_of(f"Input {path}", old[path], new.get(path)) for path in old))


def change_of(name: str, before: Any, after: Any) -> Change:
    """A change for people to read; lists and objects become JSON."""
    return Change(name, _value(before), _value(after))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in (None, ""):
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cancel_request(run: Run, acts: Sequence[Act]) -> Iterator[Entry]:
    if run.cancel_requested_at is not None and not any(act.verb == "cancel" for act in acts):
        yield Entry(run.cancel_requested_at, Badge("✎", "act", "cancel"), "Cancel requested", kind="act")


def _ending(run: Run) -> Iterator[Entry]:
    if run.finished_at is None:
        return
    if run.status == RunStatus.RESOLVED:
        ended = ENDINGS.get(run.resolution, "")
        yield Entry(run.finished_at, Badge("■", "calm", "closed"), "Closed by hand", text=ended)
    elif run.status == RunStatus.COMPENSATED:
        yield Entry(run.finished_at, Badge("■", "calm", "undone"), "Undone", text=run.reason)
    else:
        yield Entry(run.finished_at, Badge("■", "ok", "completed"), "Completed")


def _now(run: Run, steps: Sequence[Step], now: datetime) -> Iterator[Entry]:
    """Where an open run is now, and what happens next."""
    if run.finished_at is not None:
        return
    if run.status == RunStatus.STUCK:
        since = run.updated_at
        badge = Badge("!", "bad", "stuck")
        yield Entry(since, badge, "Stuck: waits for a person", kind="now", text=run.reason, lasted=now - since)
        return
    if run.asks_since is not None:
        badge, lasted = Badge("!", "bad", "needs a person"), now - run.asks_since
        yield Entry(run.asks_since, badge, "Needs a person, and is still being tried", kind="now", lasted=lasted)
    if run.paused_at is not None:
        badge, lasted = Badge("‖", "act", "paused"), now - run.paused_at
        yield Entry(run.paused_at, badge, "Paused: nobody takes a step of it", kind="now", lasted=lasted)
        return
    if run.waits_for:
        badge = Badge("…", "wait", "waits")
        title, text = f"Waits for {run.waits_for}", "No attempt is spent while it waits."
        yield Entry(run.updated_at, badge, title, kind="now", text=text)
        return
    for step in (step for step in steps if step.position == run.position and step.status not in IN_HANDS):
        badge = STEP_BADGES[StepStatus(step.status)]
        if step.next_attempt_at is None:
            yield Entry(run.updated_at, badge, f"{readable(step.name)}: waits for a worker", kind="now")
        else:
            due = "is due" if step.next_attempt_at > now else "was due"
            title = f"{readable(step.name)}: the next attempt {due} {step.next_attempt_at:%H:%M:%S}"
            yield Entry(step.next_attempt_at, badge, title, kind="now", text=step.error_text)


def _wait(at: datetime, lasted: timedelta, title: str, why: str = "") -> Entry:
    return Entry(at, Badge("…", "wait", "waited"), title, kind="pause", lasted=lasted, text=why)


def _cause(attempt: Attempt) -> str:
    if attempt.outcome == Attempt.Outcome.LOST:
        return "Its worker was lost; another one took over when its lease had ended."
    if attempt.outcome == Attempt.Outcome.AWAY:
        return "The participant was away; this attempt counts for nothing."
    if attempt.outcome == Attempt.Outcome.AWAITS:
        return "Waiting for somebody else to act; no attempt is spent."
    if attempt.outcome == Attempt.Outcome.OURS:
        return "Our own failure, not the participant's; no attempt is spent."
    return "Backing off, so that the participant can recover."


def _doing(attempt: Attempt) -> str:
    undo = attempt.direction == Attempt.Direction.UNDO
    return f"Undo of {readable(attempt.step).lower()}" if undo else readable(attempt.step)
