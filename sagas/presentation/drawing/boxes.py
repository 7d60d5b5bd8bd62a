"""The boxes of a graph, with the words in them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..labels import Badge

WIDTH, HEIGHT = 116, 106
"""Of a box, in the units of the drawing: pixels, where there is room."""
LEFT, FIRST, LINE = 7, 19, 15
"""Where words stand in a box: from the left, the first line from above, and each other one from that before it."""
LETTERS, SMALL_LETTERS = 14, 18
"""That have room in a line of the title, and in the other, smaller lines."""
MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class Node:
    """A box. `href`: where all is said of it. `marks`: what else is to be known, the most important first."""

    name: str
    title: str
    badge: Badge
    href: str
    participant: str = ""
    marks: Sequence[str] = ()
    is_pivot: bool = False
    is_current: bool = False
    is_reached: bool = True
    """Whether the arrows to it have been gone."""

    @property
    def says(self) -> str:
        """All its words."""
        words = [f"{self.title}: {self.badge.text}", self.participant, *self.marks]
        return ", ".join(word for word in words if word)


def box(node: Node, x: float, y: float) -> SafeString:
    """The box, with its upper left corner there."""
    return format_html(
        '<a href="{}" class="node {}" aria-label="{}"{}><title>{}</title>'
        '<rect class="box" x="{}" y="{}" width="{}" height="{}" rx="4"/>'
        '<rect class="top" x="{}" y="{}" width="{}" height="4" rx="2"/>{}</a>',
        node.href,
        " ".join(filter(None, [node.badge.tone, "pivot" * node.is_pivot, "current" * node.is_current])),
        node.says,
        format_html(' aria-current="{}"', "step") if node.is_current else "",
        node.says,
        *(f"{number:g}" for number in (x, y, WIDTH, HEIGHT, x, y, WIDTH)),
        format_html_join(
            "",
            '<text class="{}" x="{}" y="{}">{}</text>',
            (
                (kind, f"{x + LEFT:g}", f"{y + FIRST + number * LINE:g}", words)
                for number, (kind, words) in enumerate(_lines(node))
            ),
        ),
    )


def _lines(node: Node) -> list[tuple[str, str]]:
    """The lines with their classes; what has no room is in `says`."""
    title = textwrap.wrap(node.title, LETTERS, max_lines=2, placeholder="…")
    state = textwrap.wrap(f"{node.badge.icon} {node.badge.text}", SMALL_LETTERS, max_lines=2, placeholder="…")
    lines = [*(("title", line) for line in title), *(("state", line) for line in state)]
    for words in filter(None, [node.participant, *node.marks]):
        left = MOST_LINES - len(lines)
        lines += [("quiet", line) for line in textwrap.wrap(words, SMALL_LETTERS, max_lines=2, placeholder="…")[:left]]
    return lines
