"""Where the lines of a trail run: pure arithmetic, from causes to lanes.

A message stands in the lane of what caused it, if it is the first that this led to; else in a lane of its own, which
leaves the cause's row. So a chain of events is one straight line, and whatever happens at the same time runs beside it.
What a saga writes was caused by no message but by its run, step after step: those follow each other by a dashed line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .messages import Written

RUN_READY = "sagas.run_ready"
"""With this message a saga's run goes to its workers."""


@dataclass(slots=True)
class Row:
    """One message's part of the picture."""

    lane: int = 0
    cause: int | None = None
    """The row of its cause; None for a beginning."""
    by_saga: bool = False
    """Whether the cause is only the saga's run that went on from there."""
    through: list[int] = field(default_factory=list)
    """Lanes whose line passes by."""
    goes_on: bool = False
    """Whether its own lane's line goes on below it."""
    dashed_on: bool = False
    """Whether that line is a saga's."""
    branches: list[int] = field(default_factory=list)
    """Lanes that begin here."""


def graph(trail: Sequence[Written]) -> list[Row]:
    """A row for each message of the trail, which is in time order."""
    rows = _causes(trail)
    taken: list[list[tuple[int, int]]] = []
    for chain in _chains(rows):
        cause = rows[chain[0]].cause
        begins = chain[0] if cause is None else cause
        lane = _free_lane(taken, begins, chain[-1])
        _draw(rows, chain, lane)
    return rows


def _causes(trail: Sequence[Written]) -> list[Row]:
    """Which row led to which. A cause that is not among the messages, or stands below by a clock that is off, draws no
    line."""
    at = {one.id: index for index, one in enumerate(trail)}
    rows: list[Row] = []
    run: int | None = None  # the row at which the saga's run stands
    for index, one in enumerate(trail):
        cause = None if one.caused_by is None else at.get(one.caused_by)
        row = Row(cause=cause if cause is not None and cause < index else None)
        if run is not None and one.caused_by is None:
            row.cause, row.by_saga = run, True
        if one.type == RUN_READY or row.by_saga:
            run = index
        rows.append(row)
    return rows


def _chains(rows: Sequence[Row]) -> list[list[int]]:
    """The rows of each line, from its first message on; a message goes on in its cause's line if it is the first."""
    chains: list[list[int]] = []
    line_of: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        line = line_of.get(row.cause, []) if row.cause is not None else []
        if not line or line[-1] != row.cause:
            line = []
            chains.append(line)
        line.append(index)
        line_of[index] = line
    return chains


def _free_lane(taken: list[list[tuple[int, int]]], begins: int, ends: int) -> int:
    """The leftmost lane in which no other line runs between these rows; notes that it is taken."""
    for lane, spans in enumerate(taken):
        if all(ends < first or last < begins for first, last in spans):
            spans.append((begins, ends))
            return lane
    taken.append([(begins, ends)])
    return len(taken) - 1


def _draw(rows: Sequence[Row], chain: Sequence[int], lane: int) -> None:
    first, last, members = chain[0], chain[-1], set(chain)
    cause = rows[first].cause
    if cause is not None:
        rows[cause].branches.append(lane)
    for index in range(first if cause is None else cause + 1, last + 1):
        if index in members:
            rows[index].lane = lane
            rows[index].goes_on = index != last
            rows[index].dashed_on = any(rows[after].cause == index and rows[after].by_saga for after in members)
        else:
            rows[index].through.append(lane)
