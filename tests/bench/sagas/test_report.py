"""The bench's arithmetic, its table and its JSON; nothing here measures."""

from __future__ import annotations

import json

import pytest

from tests.bench.sagas import report

FAST = {"runs_per_s": 200.0, "idle_p50_ms": 10.0, "slow": 200.0, "commits_per_step": 2.0}
RIVAL = {"runs_per_s": 100.0, "idle_p50_ms": 20.0, "slow": 160.0, "commits_per_step": None}


def summaries(**rounds):
    return {name: report.summarise(figures) for name, figures in rounds.items()}


def test_a_figure_is_the_median_with_the_least_and_the_greatest_of_the_rounds():
    summary = report.summarise([{"runs_per_s": 30.0}, {"runs_per_s": 10.0}, {"runs_per_s": 20.0, "slow": 5.0}])
    assert summary["runs_per_s"] == {"median": 20.0, "min": 10.0, "max": 30.0}
    assert summary["slow"] == {"median": 5.0, "min": 5.0, "max": 5.0}


def test_a_figure_that_a_contender_does_not_have_is_none():
    assert report.summarise([RIVAL])["commits_per_step"] is None


def test_goals_are_judged_by_the_ratio_of_medians():
    judged = report.ratios(summaries(saga=[FAST], absurd=[RIVAL]))
    assert judged["saga to absurd, runs a second"] == {"goal": "at least 1.25", "ratio": 2.0, "met": True}
    assert judged["saga to absurd, idle p50"] == {"goal": "at most 1", "ratio": 0.5, "met": True}


def test_a_missed_goal_is_called_missed():
    found = summaries(saga=[RIVAL], absurd=[FAST])
    assert report.ratios(found)["saga to absurd, idle p50"]["met"] is False
    assert "saga to absurd, idle p50: 2.00 (at most 1): MISSED" in report.table(found, {})


def test_a_goal_whose_contender_was_not_measured_is_neither_met_nor_missed():
    judged = report.ratios(summaries(saga=[FAST]))["saga to absurd, runs a second"]
    assert judged == {"goal": "at least 1.25", "ratio": None, "met": None}


def test_the_table_has_a_row_a_contender_and_says_why_one_is_missing():
    text = report.table(summaries(saga=[FAST], celery_bare=[RIVAL]), {"absurd": "absurd cannot be installed: offline"})
    assert text.splitlines()[0].split() == list(report.FIGURES)
    assert "200 (200-200)" in text
    assert next(line for line in text.splitlines() if line.startswith("celery_bare")).split().count("-") == 4
    assert "absurd failed: absurd cannot be installed: offline" in text


def test_the_json_has_the_contenders_the_growth_the_ratios_and_the_machine():
    found = summaries(**{"saga": [FAST], "growth.empty": [FAST], "growth.million": [RIVAL]})
    document = json.loads(json.dumps(report.document(found, {"absurd": "why"}, {"cores": 2}, {"rounds": 1})))
    assert set(document) == {"saga", "growth", "ratios", "failures", "machine", "plan"}
    assert set(document["saga"]) == set(report.FIGURES)
    assert document["growth"]["ratio"]["runs_per_s"] == pytest.approx(0.5)
    assert document["ratios"]["a million runs to none, runs a second"]["met"] is False
    assert document["failures"] == {"absurd": "why"}
