"""A graph as SVG."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from sagas.presentation.drawing.boxes import HEIGHT, WIDTH, Node
from sagas.presentation.drawing.graph import graph_of
from sagas.presentation.labels import Badge

DONE, STUCK, LATER = Badge("✓", "ok", "done"), Badge("!", "bad", "in doubt"), Badge("·", "calm", "not started")
CHAIN = [("a", "b"), ("b", "c")]
DIAMOND = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]
LONG_EDGE = [("a", "b"), ("b", "c"), ("a", "c")]


def node(name: str, badge: Badge = DONE, **given) -> Node:
    return Node(name, given.pop("title", f"Step {name}"), badge, f"#step-{name}", **given)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own drawing


def boxes(svg: str) -> list[tuple[float, float]]:
    found = [one for one in parsed(svg).iter("rect") if one.get("class") == "box"]
    return [(float(one.get("x", "nan")), float(one.get("y", "nan"))) for one in found]


def edges(svg: str) -> list[ElementTree.Element]:
    return [one for one in parsed(svg).iter("path") if (one.get("class") or "").startswith("edge")]


def test_a_chain_goes_from_left_to_right_or_from_top_to_bottom():
    graph = graph_of([node(name) for name in "abc"], CHAIN)
    across, down = boxes(graph.across), boxes(graph.down)
    assert len({y for _, y in across}) == len({x for x, _ in down}) == 1
    assert [x for x, _ in across] == sorted(x for x, _ in across)
    assert [y for _, y in down] == sorted(y for _, y in down)
    assert graph.is_chain


@pytest.mark.parametrize("given", [CHAIN, DIAMOND, LONG_EDGE, []])
@pytest.mark.parametrize("way", ["across", "down"])
def test_no_box_lies_on_another_and_all_lie_in_the_drawing(given, way):
    svg = getattr(graph_of([node(name) for name in "abcd"], given), way)
    _, _, width, height = map(float, str(parsed(svg).get("viewBox")).split())
    for x, y in boxes(svg):
        assert 0 <= x <= width - WIDTH
        assert 0 <= y <= height - HEIGHT
    for (x, y), (u, v) in combinations(boxes(svg), 2):
        assert abs(x - u) >= WIDTH or abs(y - v) >= HEIGHT


@pytest.mark.parametrize("way", ["across", "down"])
def test_an_arrow_that_passes_a_layer_passes_beside_its_box(way):
    svg = getattr(graph_of([node(name) for name in "abc"], LONG_EDGE), way)
    drawn = str(edges(svg)[2].get("d"))
    x, y = boxes(svg)[1]
    for u, v in re.findall(r"(?:[ML]|\s)(-?[\d.]+) (-?[\d.]+)(?=[LC]|$)", drawn):
        assert not (x <= float(u) <= x + WIDTH and y <= float(v) <= y + HEIGHT), drawn
    assert drawn.count("L") == 1, "straight beside the box"


def test_a_box_is_a_link_that_says_all_of_its_words_and_which_step_is_current():
    stopped = node("b", STUCK, participant="bank", marks=["⚑ point of no return", "2 attempts"], is_current=True)
    svg = graph_of([node("a"), stopped, node("c", LATER, is_reached=False)], CHAIN).across
    first, second, _ = parsed(svg).iter("a")
    assert (first.get("href"), first.get("aria-current")) == ("#step-a", None)
    assert second.get("aria-label") == "Step b: in doubt, bank, ⚑ point of no return, 2 attempts"
    assert second.get("aria-current") == "step"
    assert [one.get("class") for one in edges(svg)] == ["edge gone", "edge to-go"]


def test_long_and_strange_words_are_cut_and_escaped_and_still_said():
    long = node("a", title="Reserve a very long list of things & more of <them>", participant="x" * 60)
    svg = graph_of([long], []).across
    texts = [str(one.text) for one in parsed(svg).iter("text")]
    assert len(texts) == 5, "two lines of the title, the state, two of the participant"
    assert max(map(len, texts)) <= 18
    assert "&lt;them&gt;" in svg
    assert "x" * 60 in svg


def test_markers_of_both_drawings_have_names_of_their_own():
    graph = graph_of([node("a")], [])
    names = [one.get("id") for svg in (graph.across, graph.down) for one in parsed(svg).iter("marker")]
    assert len(set(names)) == 4


def test_what_has_many_layers_is_drawn_from_top_to_bottom_alone():
    names = [f"n{number}" for number in range(9)]
    chain = list(pairwise(names))
    assert [graph_of([node(name) for name in names[:n]], chain[: n - 1]).fits for n in (5, 6, 8)] == [
        "often", "seldom", "never",
    ]  # fmt: skip
