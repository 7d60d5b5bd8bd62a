"""Turns the places of a layout into points of a drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .boxes import HEIGHT, WIDTH
from .layers import Layout, Place

BETWEEN, BESIDE, MARGIN = 20, 14, 3
"""The gaps between two layers, between two boxes of a layer, and around all."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """Layers from left to right, or from top to bottom."""

    layout: Layout
    is_across: bool

    @property
    def size(self) -> Point:
        """Width and height."""
        length = self.layout.layers * (self._along + BETWEEN) - BETWEEN + 2 * MARGIN
        breadth = self.layout.widest * (self._beside + BESIDE) - BESIDE + 2 * MARGIN
        return self._turned(length, breadth)

    def corner(self, place: Place) -> Point:
        """The upper left corner of the box at that place."""
        x, y = self._middle(place)
        return x - WIDTH / 2, y - HEIGHT / 2

    def line(self, places: Sequence[Place]) -> str:
        """An SVG path from the end of the first box to the beginning of the last: curves in the gaps between layers,
        straight through the places that it passes.
        """
        points = list(self._points(places))
        parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
        for number, (one, other) in enumerate(pairwise(points)):
            end = f"{other[0]:g} {other[1]:g}"
            parts.append(f"L{end}" if number % 2 else f"C{self._bend(one, other)} {end}")
        return "".join(parts)

    def _points(self, places: Sequence[Place]) -> Iterator[Point]:
        """The edges of the boxes that it leaves, passes and reaches."""
        for number, place in enumerate(places):
            x, y = self._middle(place)
            for end in (-self._along / 2, self._along / 2)[number == 0 : 1 if number == len(places) - 1 else 2]:
                yield (x + end, y) if self.is_across else (x, y + end)

    def _bend(self, one: Point, other: Point) -> str:
        (x, y), (u, v) = one, other
        across, down = (x + u) / 2, (y + v) / 2
        return f"{across:g} {y:g} {across:g} {v:g}" if self.is_across else f"{x:g} {down:g} {u:g} {down:g}"

    def _middle(self, place: Place) -> Point:
        layer, beside = place
        along = MARGIN + self._along / 2 + layer * (self._along + BETWEEN)
        breadth = self.layout.widest * (self._beside + BESIDE) - BESIDE + 2 * MARGIN
        return self._turned(along, breadth / 2 + beside * (self._beside + BESIDE))

    @property
    def _along(self) -> int:
        return WIDTH if self.is_across else HEIGHT

    @property
    def _beside(self) -> int:
        return HEIGHT if self.is_across else WIDTH

    def _turned(self, along: float, beside: float) -> Point:
        return (along, beside) if self.is_across else (beside, along)
