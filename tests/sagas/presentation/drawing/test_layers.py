"""Graphs in layers."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagas.presentation.drawing.layers import Layout, lay_out


def test_a_chain_is_one_line():
    laid = lay_out("abc", [("a", "b"), ("b", "c")])
    assert laid.nodes == {"a": (0, 0), "b": (1, 0), "c": (2, 0)}
    assert laid.edges == {("a", "b"): [(0, 0), (1, 0)], ("b", "c"): [(1, 0), (2, 0)]}
    assert (laid.layers, laid.widest) == (3, 1)


def test_what_comes_after_nothing_lies_side_by_side():
    laid = lay_out("abc", [])
    assert laid.nodes == {"a": (0, -1), "b": (0, 0), "c": (0, 1)}
    assert (laid.layers, laid.widest) == (1, 3)


def test_a_diamond_opens_and_closes():
    laid = lay_out("abcd", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    assert laid.nodes == {"a": (0, 0), "b": (1, -0.5), "c": (1, 0.5), "d": (2, 0)}


def test_an_edge_that_passes_a_layer_has_a_place_of_its_own_there():
    laid = lay_out("abc", [("a", "b"), ("b", "c"), ("a", "c")])
    assert laid.nodes == {"a": (0, 0), "b": (1, -0.5), "c": (2, 0)}
    assert laid.edges["a", "c"] == [(0, 0), (1, 0.5), (2, 0)]


def test_edges_that_need_not_cross_do_not():
    laid = lay_out("abcd", [("a", "d"), ("b", "c")])
    assert crossings(laid) == 0


def test_no_node_and_no_edge_is_nothing():
    assert lay_out([], []) == Layout({}, {}, 0, 0)


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ([("a", "b"), ("b", "a")], "come after each other in a circle: a, b"),
        ([("a", "a")], "in a circle: a"),
        ([("a", "x")], "a → x names a node that there is not"),
    ],
)
def test_what_is_no_acyclic_graph_is_refused(edges, words):
    with pytest.raises(ValueError, match=words):
        lay_out("ab", edges)


@st.composite
def graphs(draw):
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 9)))]
    edges = [pair for pair in combinations(nodes, 2) if draw(st.booleans())]
    return draw(st.permutations(nodes)), edges


@given(graphs())
def test_of_any_graph_edges_go_on_layer_by_layer_and_no_two_things_share_a_place(graph):
    nodes, edges = graph
    laid = lay_out(nodes, edges)
    assert set(laid.nodes) == set(nodes)
    assert set(laid.edges) == set(edges)
    for path in laid.edges.values():
        assert [other[0] - one[0] for one, other in pairwise(path)] == [1] * (len(path) - 1)
    places = [*laid.nodes.values(), *(place for path in laid.edges.values() for place in path[1:-1])]
    assert len(set(places)) == len(places)


def crossings(laid: Layout) -> int:
    found = 0
    for (one, other), (third, fourth) in combinations(laid.edges.values(), 2):
        found += (one[1] - third[1]) * (other[1] - fourth[1]) < 0
    return found
