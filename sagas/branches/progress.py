"""Take a step's runs further: start those whose turn has come, or take them back. The parent's run is locked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from outbox.messages import codec

from .. import sql
from ..declare.context import UndoContext
from ..declare.ended import Ended
from ..declare.spread import ChildSaga, Group, Items, Spread
from ..declare.step import Step
from ..errors import Refused
from ..models import Run, RunStatus
from . import stands
from .start import start_branches
from .take_back import call_off, take_back


@dataclass(frozen=True, slots=True)
class Over:
    """All runs of the step are where it wants them."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class NotYet:
    """The step waits; `why` says for whom."""

    why: str


@dataclass(frozen=True, slots=True)
class Own:
    """The child has completed, and the parent's own undo is to take it back."""

    ended: Ended
    undo: Callable[[UndoContext[Any, Any]], None]


Verdict = Over | NotYet | Refused | Own


def onward(run: Run, step: Step[Any, Any], input: Any) -> Verdict:
    """Forwards. A step that has just started runs waits at least once, so that its undo knows of them."""
    spread = step.spread
    assert spread is not None, "the caller has looked"  # noqa: S101
    known = stands.read(run.pk, step.name)
    lost = stands.failed(known, spread)
    if lost is not None:
        return Refused(lost.code or "undone", _why(lost, spread))
    count = spread.count(input)
    starts = [] if isinstance(spread, ChildSaga) or _stops(run) else stands.to_start(known, spread, count)
    if starts:
        start_branches(run, step, starts)
        known = stands.read(run.pk, step.name)
    elif len(known) == count and all(one.is_done for one in known):
        return Over(_result(run, step, known))
    return NotYet(stands.words(known, spread, count))


def backward(run: Run, step: Step[Any, Any]) -> Verdict:
    """For the undo: what runs is cancelled, what has completed is undone, what comes after others before them."""
    spread = step.spread
    assert spread is not None, "the caller has looked"  # noqa: S101
    why = (run.code or "undone", f"its parent is being undone: {run.reason}")
    known = stands.read(run.pk, step.name)
    for one in known:
        if one.status == RunStatus.RUNNING:
            call_off(one.run_id, *why)
    verdict = _not_ours(known, spread)
    if verdict is not None:
        return verdict
    for one in stands.to_take_back(known, spread):
        take_back(one.run_id, *why)
    if all(one.is_undone for one in known):
        return Over()
    return NotYet(stands.words(stands.read(run.pk, step.name), spread, len(known)))


def _not_ours(known: list[stands.Stand], spread: Spread) -> Refused | Own | None:
    """What the engine cannot take back: a person, or the parent's own undo, does."""
    by_hand = next((one for one in known if one.status == RunStatus.RESOLVED and one.is_done), None)
    if by_hand is not None:
        return Refused("closed_by_hand", f"{stands.title_of(by_hand, spread)} was closed by hand as completed")
    done = next((one for one in known if one.is_done), None)
    if done is None or not isinstance(spread, ChildSaga):
        return None
    if spread.own_undo is not None:
        return Own(_ended(done), spread.own_undo)
    if spread.saga.pivot_step is not None:
        return Refused("past_its_pivot", f"{stands.title_of(done, spread)} has completed, and has a pivot")
    return None


def _why(lost: stands.Stand, spread: Spread) -> str:
    """A branch's reason begins with its step's name, as the parent's would."""
    if isinstance(spread, Group) and lost.reason:
        return lost.reason
    return f"{stands.title_of(lost, spread)}: {lost.reason or 'it was undone'}"


def _stops(run: Run) -> bool:
    return run.paused_at is not None or run.cancel_requested_at is not None


def _result(run: Run, step: Step[Any, Any], known: list[stands.Stand]) -> Any:
    if isinstance(step.spread, ChildSaga):
        return _ended(known[0])
    if isinstance(step.spread, Items):
        rows = sql.ITEM_RESULTS.rows({"parent": run.pk, "step": step.name})
        return [None if text is None else codec.decode(Any, text) for (text,) in rows]
    return None


def _ended(stand: stands.Stand) -> Ended:
    return Ended(stand.run_id, stand.key, stand.status)
