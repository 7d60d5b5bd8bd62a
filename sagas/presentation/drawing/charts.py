"""Draws a chart as SVG: lines over time, without a library and in the colours of the page.

Each point in time is a column that says its values: as a tooltip, and to who comes by keyboard. `charts.js` moves
between columns by the arrow keys; without it one column can be focused, and the table has all the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 8, 22
"""The margins, in the units of the drawing: for the words beside the axes."""
LABELS = 4
"""Times that are written below."""


@dataclass(frozen=True, slots=True)
class Line:
    """A name and a value for each time; None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """`key`: its id on the page. `times`: each point's, in words. `says`: a value in words."""

    key: str
    title: str
    note: str
    times: Sequence[str]
    lines: Sequence[Line]
    says: Callable[[float], str]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(value for line in self.lines for value in line.values)

    @property
    def top(self) -> float:
        """The value at the upper end: a round one."""
        most = max((value for line in self.lines for value in line.values if value is not None), default=0.0)
        return round_up(most)

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The table: a time and each line's value, the newest first; times without any value are left out."""
        return [
            (time, [self._said(line.values[n]) for line in self.lines])
            for n, time in reversed(list(enumerate(self.times)))
            if any(line.values[n] for line in self.lines)
        ]

    def column(self, n: int) -> str:
        """A point in time, in words."""
        values = ", ".join(f"{line.name} {self._said(line.values[n])}" for line in self.lines)
        return f"{self.times[n]}: {values}"

    def _said(self, value: float | None) -> str:
        return "—" if value is None else self.says(value)

    # --- The drawing -----------------------------------------------------------------------------------------------

    @property
    def svg(self) -> SafeString:
        """The drawing; its classes are those of charts.css."""
        return format_html(
            '<svg viewBox="0 0 {} {}" role="group" aria-label="{}" class="chart">{}{}{}</svg>',
            WIDTH,
            HEIGHT,
            self.title,
            self._axes(),
            format_html_join("", "{}", ((drawn,) for n in range(len(self.lines)) for drawn in self._line(n))),
            format_html_join("", "{}", ((self._column(n),) for n in range(len(self.times)))),
        )

    def _x(self, n: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * n / max(len(self.times) - 1, 1), 1)

    def _y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self.top, 1)

    def _axes(self) -> SafeString:
        steps = [self.top * n / 2 for n in range(3)]
        across = format_html_join(
            "",
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="value" x="{}" y="{}">{}</text>',
            (
                (LEFT, WIDTH - RIGHT, self._y(value), self._y(value), LEFT - 5, self._y(value) + 3.5, self.says(value))
                for value in steps
            ),
        )
        last = len(self.times) - 1
        places = sorted({round(last * n / (LABELS - 1)) for n in range(LABELS)})
        anchors = {0: "start", last: "end"}
        below = format_html_join(
            "",
            '<text class="time" x="{}" y="{}" text-anchor="{}">{}</text>',
            ((self._x(n), HEIGHT - 6, anchors.get(n, "middle"), self.times[n]) for n in places),
        )
        return format_html('<g aria-hidden="true">{}{}</g>', across, below)

    def _line(self, number: int) -> Iterator[SafeString]:
        """Its unbroken parts; a value between two gaps is a dot."""
        for part in unbroken(self.lines[number].values):
            points = " ".join(f"{self._x(n)},{self._y(value)}" for n, value in part)
            if len(part) > 1:
                yield format_html('<polyline class="line s{}" points="{}"/>', number, points)
            else:
                x, _, y = points.partition(",")
                yield format_html('<circle class="dot s{}" cx="{}" cy="{}" r="2"/>', number, x, y)

    def _column(self, n: int) -> SafeString:
        width = (WIDTH - LEFT - RIGHT) / max(len(self.times) - 1, 1)
        dots = format_html_join(
            "",
            '<circle class="mark s{}" cx="{}" cy="{}" r="3"/>',
            (
                (number, self._x(n), self._y(value))
                for number, line in enumerate(self.lines)
                if (value := line.values[n]) is not None
            ),
        )
        words = self.column(n)
        return format_html(
            '<g class="column" role="img" tabindex="{}" aria-label="{}"><title>{}</title>'
            '<rect x="{}" y="{}" width="{}" height="{}"/><line class="rule" x1="{}" x2="{}" y1="{}" y2="{}"/>{}</g>',
            0 if n == len(self.times) - 1 else -1,
            words,
            words,
            round(self._x(n) - width / 2, 1),
            TOP,
            round(width, 1),
            HEIGHT - TOP - BOTTOM,
            self._x(n),
            self._x(n),
            TOP,
            HEIGHT - BOTTOM,
            dots or mark_safe(""),
        )


def unbroken(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The runs of values without a gap, each value with its place."""
    parts: list[list[tuple[int, float]]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            parts.append([])
        else:
            parts[-1].append((n, value))
    return [part for part in parts if part]


def round_up(value: float) -> float:
    """The next of 1, 2, 4 and 10, times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 10) if step * power >= value * (1 - 1e-9))
