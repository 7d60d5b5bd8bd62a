"""Lays an acyclic graph out in layers: each node lies beyond all that it comes after.

An edge that passes a layer gets a free place in it, so that no edge runs through a node. Pure functions of names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

SWEEPS = 4
"""How often the order within the layers is bettered, forth and back by turns; more changes little."""
Edge = tuple[str, str]
Hop = tuple[str, str, int]
"""The place of an edge in a layer that it passes."""
Spot = str | Hop
Place = tuple[int, float]
"""The layer, from 0, and the place within it: layers share one middle, which is 0."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the nodes lie, and the places that each edge goes through, from its first to its last."""

    nodes: Mapping[str, Place]
    edges: Mapping[Edge, Sequence[Place]]
    layers: int
    widest: int
    """How many places the widest layer has."""


def lay_out(nodes: Sequence[str], edges: Iterable[Edge]) -> Layout:
    """The layout. An edge (one, other) says that `other` comes after `one`. Raises ValueError for a circle and for an
    edge of a node that there is not.
    """
    given = list(dict.fromkeys(edges))
    layer_of = _layers_of(nodes, given)
    paths = {edge: _path(edge, layer_of) for edge in given}
    rows = _rows(nodes, layer_of, paths)
    _untangle(rows, paths)
    at: dict[Spot, Place] = {
        spot: (layer, place - (len(row) - 1) / 2) for layer, row in enumerate(rows) for place, spot in enumerate(row)
    }
    return Layout(
        {node: at[node] for node in nodes},
        {edge: [at[spot] for spot in path] for edge, path in paths.items()},
        len(rows),
        max(map(len, rows), default=0),
    )


def _layers_of(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The length of the longest way to each node."""
    before: dict[str, list[str]] = {node: [] for node in nodes}
    for one, other in edges:
        if one not in before or other not in before:
            raise ValueError(f"The edge {one} → {other} names a node that there is not.")
        before[other].append(one)
    found: dict[str, int] = {}
    while len(found) < len(before):
        ready = [node for node in before if node not in found and all(one in found for one in before[node])]
        if not ready:
            left = ", ".join(node for node in before if node not in found)
            raise ValueError(f"These come after each other in a circle: {left}.")
        found.update({node: 1 + max((found[one] for one in before[node]), default=-1) for node in ready})
    return found


def _path(edge: Edge, layer_of: Mapping[str, int]) -> list[Spot]:
    one, other = edge
    return [one, *((one, other, layer) for layer in range(layer_of[one] + 1, layer_of[other])), other]


def _rows(nodes: Sequence[str], layer_of: Mapping[str, int], paths: Mapping[Edge, Sequence[Spot]]) -> list[list[Spot]]:
    """Each layer's nodes as they are given, then the places of edges that pass it."""
    rows: list[list[Spot]] = [[] for _ in range(1 + max(layer_of.values(), default=-1))]
    for node in nodes:
        rows[layer_of[node]].append(node)
    for path in paths.values():
        for hop in path[1:-1]:
            rows[int(hop[2])].append(hop)
    return rows


def _untangle(rows: list[list[Spot]], paths: Mapping[Edge, Sequence[Spot]]) -> None:
    """Order each layer by the middle of its neighbours in the layer before, then by those after, so that fewer edges
    cross.
    """
    before: dict[Spot, list[Spot]] = {spot: [] for row in rows for spot in row}
    after: dict[Spot, list[Spot]] = {spot: [] for row in rows for spot in row}
    for path in paths.values():
        for one, other in pairwise(path):
            before[other].append(one)
            after[one].append(other)
    for sweep in range(SWEEPS):
        neighbours, order = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
        for fixed, row in pairwise(order):
            at = {spot: place - (len(fixed) - 1) / 2 for place, spot in enumerate(fixed)}
            own = {spot: place - (len(row) - 1) / 2 for place, spot in enumerate(row)}
            row.sort(key=lambda spot: fmean([at[one] for one in neighbours[spot]] or [own[spot]]))
