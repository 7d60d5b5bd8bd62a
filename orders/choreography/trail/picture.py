"""What is drawn beside one message of a trail: a graph's row in pixels."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import Row

LANE = 26  # pixels between two lines
DOT = 26  # pixels from a row's top to its dot
BEND = 34  # pixels in which a line leaves for another lane


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn at the left of a row, in pixels. Lines reach to the row's lower edge, however high it is."""

    width: int
    x: int
    y: int
    comes: str
    """How the line from above looks: "", "line" or "dashed"; the same for the line below."""
    goes_on: str
    through: list[int]
    bends: list[tuple[str, int, int]]
    """Curve, and the x and y from which it goes straight on."""


def picture(row: Row, lanes: int) -> Picture:
    """The lines beside one message."""
    x = _x(row.lane)
    return Picture(
        width=_x(lanes),
        x=x,
        y=DOT,
        comes=_look(row.cause is not None, row.by_saga),
        goes_on=_look(row.goes_on, row.dashed_on),
        through=[_x(lane) for lane in row.through],
        bends=[(_bend(x, _x(lane)), _x(lane), DOT + BEND) for lane in row.branches],
    )


def _look(drawn: bool, dashed: bool) -> str:
    return "" if not drawn else "dashed" if dashed else "line"


def _x(lane: int) -> int:
    return LANE // 2 + lane * LANE


def _bend(x: int, to: int) -> str:
    middle = DOT + BEND // 2
    return f"M {x} {DOT} C {x} {middle + 6}, {to} {middle - 6}, {to} {DOT + BEND}"
