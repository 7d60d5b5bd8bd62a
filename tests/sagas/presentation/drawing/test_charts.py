"""A chart draws its values to scale, says them in words, and has no gap where there is none."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from sagas.presentation.drawing.charts import BOTTOM, HEIGHT, TOP, Chart, Line, round_up, unbroken


def chart(*lines: Line) -> Chart:
    times = [f"12:0{n}" for n in range(len(lines[0].values))]
    return Chart("ended", "Runs that <ended>", "", times, lines, lambda value: f"{value:g}")


def parsed(one: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(str(one.svg))  # noqa: S314 - our own


def test_values_are_drawn_to_scale():
    svg = parsed(chart(Line("done", [0, 2, 4])))
    (line,) = svg.iter("polyline")
    heights = [float(point.partition(",")[2]) for point in line.attrib["points"].split()]
    assert heights == [HEIGHT - BOTTOM, (HEIGHT - BOTTOM + TOP) / 2, TOP]


def test_a_gap_is_a_gap_and_a_value_between_two_gaps_a_dot():
    one = chart(Line("p95", [1, 1, None, 1, None]))
    svg = parsed(one)
    assert len(list(svg.iter("polyline"))) == 1
    assert len([dot for dot in svg.iter("circle") if "dot" in dot.attrib["class"]]) == 1
    assert unbroken([None, 1, 2, None, 3]) == [[(1, 1), (2, 2)], [(4, 3)]]


def test_each_point_in_time_says_all_its_values_and_one_of_them_can_be_focused():
    one = chart(Line("done", [1, 2]), Line("undone", [0, None]))
    columns = [group for group in parsed(one).iter("g") if group.attrib.get("class") == "column"]
    words = ["12:00: done 1, undone 0", "12:01: done 2, undone —"]
    assert [column.attrib["aria-label"] for column in columns] == words
    assert [column[0].text for column in columns] == words, "the tooltip"
    assert [column.attrib["tabindex"] for column in columns] == ["-1", "0"]


def test_the_table_has_the_numbers_the_newest_first_and_no_empty_time():
    assert chart(Line("done", [1, 0, 2]), Line("p95", [None, None, 3])).rows == [
        ("12:02", ["2", "3"]),
        ("12:00", ["1", "—"]),
    ]


def test_what_is_written_is_escaped():
    one = chart(Line("<b>", [1]))
    assert "<b>" not in str(one.svg)
    assert re.search("Runs that &lt;ended&gt;", str(one.svg))


def test_nothing_is_empty():
    assert chart(Line("done", [0, None])).is_empty
    assert chart(Line("done", [0])).top == 1


@pytest.mark.parametrize(("value", "top"), [(0.3, 0.4), (1, 1), (3, 4), (5, 10), (40, 40), (41, 100), (0, 1)])
def test_the_axis_ends_at_a_round_value(value, top):
    assert round_up(value) == pytest.approx(top)
