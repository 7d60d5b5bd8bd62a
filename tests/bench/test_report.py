"""The benches' arithmetic and their table; nothing here measures."""

from __future__ import annotations

import pytest

from tests.bench.report import Goal, Report, cell

REPORT = Report(
    ("speed", "wait"),
    (
        Goal("ours to theirs", "ours.speed", "theirs.speed", 2.0),
        Goal("wait", "ours.wait", "theirs.wait", 1.0, at_least=False),
    ),
)
FAST, SLOW = {"speed": 200.0, "wait": 10.0}, {"speed": 100.0, "wait": 20.0}


def summaries(**rounds):
    return {name: REPORT.summarise(figures) for name, figures in rounds.items()}


def test_a_figure_is_the_median_with_the_least_and_the_greatest_and_all_samples_of_the_rounds():
    summary = REPORT.summarise([{"speed": 30.0}, {"speed": 10.0}, {"speed": 20.0, "wait": 5.0}])
    assert summary["speed"] == {"median": 20.0, "min": 10.0, "max": 30.0, "samples": [30.0, 10.0, 20.0]}
    assert summary["wait"] == {"median": 5.0, "min": 5.0, "max": 5.0, "samples": [5.0]}


def test_a_figure_that_a_contender_does_not_have_is_none():
    assert REPORT.summarise([{"speed": 1.0, "wait": None}])["wait"] is None


def test_goals_are_judged_by_the_ratio_of_medians():
    judged = REPORT.ratios(summaries(ours=[FAST], theirs=[SLOW]))
    assert judged["ours to theirs"] == {"goal": "at least 2", "ratio": 2.0, "met": True}
    assert judged["wait"] == {"goal": "at most 1", "ratio": 0.5, "met": True}


def test_a_missed_goal_is_called_missed():
    assert "wait: 2.00 (at most 1): MISSED" in REPORT.table(summaries(ours=[SLOW], theirs=[FAST]), {})


def test_a_goal_whose_contender_was_not_measured_is_neither_met_nor_missed():
    assert REPORT.ratios(summaries(ours=[FAST]))["wait"] == {"goal": "at most 1", "ratio": None, "met": None}


def test_a_goal_over_several_is_judged_by_the_best_of_those_measured():
    goal = Goal("best", "ours.speed", ("slow.speed", "fast.speed", "absent.speed"), 1.5)
    assert goal.judge(summaries(ours=[FAST], slow=[SLOW], fast=[FAST]))["ratio"] == 1.0


def test_a_goal_over_nobody_is_judged_by_the_median_itself():
    goal = Goal("wait", "ours.wait", "", 15.0, at_least=False)
    assert goal.judge(summaries(ours=[SLOW])) == {"goal": "at most 15", "ratio": 20.0, "met": False}


def test_the_table_has_a_row_a_contender_and_says_why_one_is_missing():
    text = REPORT.table(summaries(ours=[FAST], theirs=[{"speed": 1.0}]), {"other": "it cannot be installed: offline"})
    assert text.splitlines()[0].split() == ["speed", "wait"]
    assert "200 (200-200)" in text
    assert next(line for line in text.splitlines() if line.startswith("theirs")).split()[-1] == "-"
    assert "other failed: it cannot be installed: offline" in text


@pytest.mark.parametrize(("figure", "text"), [(0.12345, "0.1235"), (851.4, "851.4"), (50_557.3, "50557")])
def test_a_large_figure_is_shown_without_an_exponent(figure, text):
    assert cell({"median": figure, "min": 1.0, "max": 2.0}) == f"{text} (1-2)"
