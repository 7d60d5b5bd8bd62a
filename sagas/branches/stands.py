"""How the runs that a step has started stand, and what follows from that: pure but for `read`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from .. import sql
from ..declare.spread import Group, Items, Spread
from ..models import RunStatus

NAMED = 3
"""How many runs a sentence names."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One child's run."""

    item: int
    run_id: UUID
    saga: str
    key: str
    status: str
    resolution: str
    code: str
    reason: str
    needs_person: bool

    @property
    def is_done(self) -> bool:
        """It did all that it was for."""
        return RunStatus.COMPLETED in (self.status, self.resolution)

    @property
    def is_undone(self) -> bool:
        """Nothing is left of it."""
        return RunStatus.COMPENSATED in (self.status, self.resolution)

    @property
    def is_open(self) -> bool:
        return not (self.is_done or self.is_undone)


def read(parent: UUID, step: str) -> list[Stand]:
    """Those that the step of that run has started, in order."""
    return [Stand(*row) for row in sql.CHILDREN.rows({"parent": parent, "step": step})]


def failed(stands: Sequence[Stand], spread: Spread) -> Stand | None:
    """The first that did not do what it was for. A branch that is being undone will not; another saga's run may."""
    turned = [RunStatus.UNDOING] if spread.branches else []
    return next((one for one in stands if one.is_undone or one.status in turned), None)


def to_start(stands: Sequence[Stand], spread: Spread, count: int) -> list[int]:
    """The numbers of the runs to start now, of `count`: those whose turn has come."""
    started = {one.item for one in stands}
    left = [item for item in range(count) if item not in started]
    if isinstance(spread, Items):
        return left[: max(spread.at_once - sum(one.is_open for one in stands), 0)]
    if isinstance(spread, Group):
        done = {one.item for one in stands if one.is_done}
        return [item for item in left if spread.after[item] <= done]
    return left


def to_take_back(stands: Sequence[Stand], spread: Spread) -> list[Stand]:
    """Of those that are done, the ones whose undo may begin: nothing is running, and all after them are undone."""
    if any(one.status == RunStatus.RUNNING for one in stands):
        return []
    done = [one for one in stands if one.is_done]
    if isinstance(spread, Items):
        return done[: max(spread.at_once - sum(one.is_open for one in stands), 0)]
    if isinstance(spread, Group):
        left = {one.item for one in stands if not one.is_undone}
        return [one for one in done if not any(one.item in spread.after[other] for other in left)]
    return done


def words(stands: Sequence[Stand], spread: Spread, count: int) -> str:
    """For whom the step waits, in a sentence."""
    open_ = [one for one in stands if one.is_open]
    asking = [one for one in open_ if one.needs_person]
    if isinstance(spread, Items):
        done = sum(one.is_done for one in stands)
        return f"{done} of {count} are done{_ask(asking, spread)}."
    names = ", ".join(_name(one, spread) for one in open_[:NAMED])
    more = f" and {len(open_) - NAMED} more" if len(open_) > NAMED else ""
    return f"waits for {names}{more}{_ask(asking, spread)}." if open_ else "goes on at once."


def _ask(asking: Sequence[Stand], spread: Spread) -> str:
    if not asking:
        return ""
    names = ", ".join(_name(one, spread) for one in asking[:NAMED])
    return f"; {names} {'needs' if len(asking) == 1 else 'need'} a person"


def _name(stand: Stand, spread: Spread) -> str:
    if isinstance(spread, Group):
        return spread.names[stand.item]
    return f"item {stand.item}" if isinstance(spread, Items) else f"{stand.saga} {stand.key}"


def title_of(stand: Stand, spread: Spread) -> str:
    """How a sentence names that run."""
    return _name(stand, spread)
