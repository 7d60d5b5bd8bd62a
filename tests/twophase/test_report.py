"""The lab's table; nothing here measures."""

from __future__ import annotations

import pytest

from tests.twophase.report import BY_HAND, markdown, report, table, text
from tests.twophase.session import Load

LOAD = Load()
COMMIT = {"one_order_ms": 400.0, "hot_per_s": 2.0, "many_per_s": 50.0, "row_locked_s": 10.0, "hot_done": 0.0}
BETTER = {**COMMIT, "one_order_ms": 450.0, "hot_per_s": 40.0}
SAGA = {"one_order_ms": 800.0, "hot_per_s": 20.0, "many_per_s": 25.0, "row_locked_s": 0.0, "hot_done": 10.0}
ABOUT = {
    "cores": 2,
    "cpu": "a processor",
    "threads": 12,
    "python": "3.11.0",
    "versions": {"postgresql": "18.6"},
    "load_at_rounds": [0.5, 1.25],
}


@pytest.fixture
def lines():
    measured = {"2pc_at_once": [COMMIT, COMMIT], "2pc_stock_last": [BETTER, BETTER], "saga": [SAGA, SAGA]}
    return table({name: report(LOAD).summarise(rounds) for name, rounds in measured.items()}, LOAD)


def line(lines, beginning):
    return next(one for one in lines if one[0].startswith(beginning))


def test_a_line_has_a_cell_a_contender_and_the_ratio_of_the_better_commit_to_the_saga(lines):
    assert lines[0] == ["", "2PC, at once", "2PC, stock last", "saga", "best 2PC to saga"]
    assert line(lines, "one order alone")[1:] == ["400", "450", "800", "0.50"]
    assert line(lines, "orders/s, 48 at once, one product")[1:] == ["2", "40", "20", "2.00"]


def test_there_is_no_ratio_to_nothing(lines):
    assert line(lines, "longest lock")[1:] == ["10", "10", "0", ""]
    assert line(lines, "nothing in doubt")[1:] == ["-", "-", "-", ""]


def test_the_markdown_says_what_people_must_do_and_on_what_it_was_measured(lines):
    shown = markdown(lines, ABOUT, 2)
    assert shown.splitlines()[1] == "| --- | --- | --- | --- | --- |"
    assert all(title in shown for title in BY_HAND)
    assert "Median of 2 alternating rounds (least-greatest). 2 cores, a processor, load 0.5, 1.25; " in shown


def test_the_terminal_has_the_same_figures_in_columns(lines):
    shown = text(lines).splitlines()
    assert shown[0].split("  ")[-1] == "best 2PC to saga"
    assert "**" not in "".join(shown)
