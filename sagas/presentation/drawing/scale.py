"""A run drawn to scale: a lane for each step with its attempts and waits, and one for what people did.

Pure functions of the rows and the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from outbox.messages.durations import say

from ...engine.asking import ASKED, WENT_ON
from ...models import Act, Attempt, Run, Step
from ..labels import IN_HAND, OUTCOME_BADGES, readable
from .axis import Axis, Cut, Span

LEAST_WIDTH = 0.4  # per cent: an attempt of no length is seen all the same


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a lane, in per cent of the axis. `tone` is a class of desk.css."""

    left: float
    width: float
    kind: str
    """attempt, undo, wait or act."""
    tone: str
    says: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Scale:
    """The drawing."""

    begin: datetime
    end: datetime
    lanes: list[Lane]
    cuts: list[Cut]

    @property
    def lasted(self) -> timedelta:
        return self.end - self.begin


def to_scale(
    run: Run, steps: Sequence[Step], attempts: Sequence[Attempt], acts: Sequence[Act], now: datetime
) -> Scale | None:
    """The drawing of a run; None for one in which nothing has happened yet. Attempts and acts are ordered by id."""
    people = [act for act in acts if act.verb not in (ASKED, WENT_ON)]
    if not attempts and not people:
        return None
    end = run.finished_at or now
    begin = min(
        [run.created_at, *(one.started_at for one in attempts[:1])]
    )  # attempts may be left out; the start is not
    busy: list[Span] = [(one.started_at, one.ended_at or end) for one in attempts]
    axis = Axis(begin, end, [*busy, *((act.at, act.at) for act in people)])
    lanes = [Lane(readable(step.name), list(_bars(run, step, attempts, axis, end))) for step in steps]
    if people:
        lanes.append(Lane("People", [_act(act, axis) for act in people]))
    return Scale(begin, end, lanes, axis.cuts)


def _bars(run: Run, step: Step, attempts: Sequence[Attempt], axis: Axis, end: datetime) -> Iterator[Bar]:
    own = [one for one in attempts if one.step == step.name]
    for before, after in pairwise(own):
        if before.direction == after.direction and before.ended_at is not None:
            yield _wait(before.ended_at, after.started_at, before, axis)
    if own and own[-1].ended_at is not None and _goes_on(run, step, own[-1]):
        yield _wait(own[-1].ended_at, end, own[-1], axis)
    for one in own:
        yield _attempt(one, axis, end)


def _goes_on(run: Run, step: Step, last: Attempt) -> bool:
    """Whether the step's last attempt was not the last word: the run waits at it still."""
    return run.finished_at is None and step.position == run.position and last.outcome != Attempt.Outcome.DONE


def _attempt(attempt: Attempt, axis: Axis, end: datetime) -> Bar:
    badge = OUTCOME_BADGES[Attempt.Outcome(attempt.outcome)] if attempt.outcome else IN_HAND
    ended = attempt.ended_at or end
    undo = attempt.direction == Attempt.Direction.UNDO
    what = f"{'Undo' if undo else 'Attempt'} {attempt.number}: {badge.text}, {say(ended - attempt.started_at)}"
    kind = "undo" if undo else "attempt"
    return _bar(attempt.started_at, ended, axis, kind, badge.tone, f"{what}, at {attempt.started_at:%H:%M:%S}")


def _wait(start: datetime, end: datetime, after: Attempt, axis: Axis) -> Bar:
    away = after.outcome == Attempt.Outcome.AWAY
    why = "waited for the participant" if away else "waited"
    return _bar(start, end, axis, "wait", "wait", f"{why}, {say(end - start)}")


def _act(act: Act, axis: Axis) -> Bar:
    return _bar(act.at, act.at, axis, "act", "act", f"{readable(act.verb)} by {act.actor_name}, at {act.at:%H:%M:%S}")


def _bar(start: datetime, end: datetime, axis: Axis, kind: str, tone: str, says: str) -> Bar:
    left, right = axis.at(start), axis.at(end)
    width = max(right - left, LEAST_WIDTH)
    return Bar(min(left, 100 - width), width, kind, tone, says)
