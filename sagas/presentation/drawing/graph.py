"""Draws a graph as SVG: boxes with words, in layers, and arrows between them.

Each box is a link to what is said of it beneath, and says all its words to who does not see it. The colours are the
page's, by the classes of desk.css.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from .boxes import Node, box
from .frame import Frame
from .layers import Edge, Layout, lay_out

FEW, MOST = 5, 7
"""Layers that have room from left to right where 40 rem are free, and where 54 are."""
ARROW = '<marker id="{}" class="{}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="5" markerHeight="5" orient="auto">'
GONE, TO_GO = "gone", "to-go"


@dataclass(frozen=True, slots=True)
class Graph:
    """The drawing."""

    nodes: Sequence[Node]
    layout: Layout

    @property
    def fits(self) -> str:
        """Where it has room from left to right: a class of desk.css."""
        layers = self.layout.layers
        return "often" if layers <= FEW else "seldom" if layers <= MOST else "never"

    @property
    def is_chain(self) -> bool:
        """Whether each node comes after the one before it, and after no other."""
        names = [node.name for node in self.nodes]
        return set(self.layout.edges) == set(itertools.pairwise(names))

    @property
    def across(self) -> SafeString:
        """From left to right."""
        return self._svg(Frame(self.layout, is_across=True))

    @property
    def down(self) -> SafeString:
        """From top to bottom, for narrow windows."""
        return self._svg(Frame(self.layout, is_across=False))

    def _svg(self, frame: Frame) -> SafeString:
        markers = {state: f"arrow-{state}-{'across' if frame.is_across else 'down'}" for state in (GONE, TO_GO)}
        width, height = frame.size
        return format_html(
            '<svg viewBox="0 0 {} {}" width="{}" role="group" aria-label="{}" class="graph"><defs>{}</defs>{}{}</svg>',
            f"{width:g}",
            f"{height:g}",
            f"{width:g}",
            "The steps, each after those that it waits for",
            format_html_join(
                "", ARROW + '<path d="M0 0L8 4L0 8z"/></marker>', ((markers[one], one) for one in markers)
            ),
            format_html_join("", '<path class="edge {}" d="{}" marker-end="url(#{})"/>', self._arrows(frame, markers)),
            format_html_join(
                "", "{}", ((box(node, *frame.corner(self.layout.nodes[node.name])),) for node in self.nodes)
            ),
        )

    def _arrows(self, frame: Frame, markers: dict[str, str]) -> Iterator[tuple[str, str, str]]:
        reached = {node.name for node in self.nodes if node.is_reached}
        for edge, places in self.layout.edges.items():
            state = GONE if edge[1] in reached else TO_GO
            yield state, frame.line(places), markers[state]


def graph_of(nodes: Sequence[Node], edges: Sequence[Edge]) -> Graph:
    """The drawing of these nodes; an edge (one, other) of their names says that `other` comes after `one`. Raises
    ValueError where the edges run in a circle, or name a node that there is not.
    """
    return Graph(nodes, lay_out([node.name for node in nodes], edges))
