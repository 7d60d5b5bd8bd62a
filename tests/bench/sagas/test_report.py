"""The saga bench's goals and its JSON; nothing here measures."""

from __future__ import annotations

import json

import pytest

from tests.bench.before import Build
from tests.bench.processes import ROOT
from tests.bench.sagas import report
from tests.bench.sagas.contenders import contenders
from tests.bench.sagas.report import EMPTY, MILLION, PER_STEP, REPORT, SAGA, grown

FAST = {"runs_per_s": 200.0, "idle_p50_ms": 10.0, "slow": 200.0, "commits_per_step": 2.0}
RIVAL = {"runs_per_s": 100.0, "idle_p50_ms": 20.0, "slow": 160.0, "commits_per_step": None}


def summaries(**rounds):
    return {name: REPORT.summarise(figures) for name, figures in rounds.items()}


def test_the_goals_compare_the_saga_with_its_rivals():
    judged = REPORT.ratios(summaries(saga=[FAST], absurd=[RIVAL]))
    assert judged["runs/s, events, relay and Flower on, to absurd"] == {
        "goal": "at least 1.6",
        "ratio": 2.0,
        "met": True,
    }
    assert judged["idle p50 to absurd"] == {"goal": "at most 0.65", "ratio": 0.5, "met": True}
    assert judged["the same to DBOS queued"]["met"] is None


def test_every_goal_is_over_contenders_and_figures_that_there_are():
    names = {*contenders(1, 1, Build(ROOT, "")), "memory.early", "memory.late"}
    names |= {grown(state, name) for state in (EMPTY, MILLION) for name in (SAGA, PER_STEP)}
    for goal in report.GOALS:
        for path in (goal.over, goal.under):
            assert isinstance(path, str)
            assert path.rpartition(".")[0] in names
            assert path.rpartition(".")[2] in report.FIGURES


def test_what_shall_be_small_is_turned_round_on_a_full_database():
    found = summaries(**{"growth.empty": [FAST], "growth.million": [RIVAL]})
    judged = REPORT.ratios(found)
    assert judged["a million finished runs and published rows to none, runs/s"]["ratio"] == 0.5
    assert judged["none to a million finished runs and published rows, idle p50"]["ratio"] == 0.5


def test_the_json_has_the_contenders_the_growth_the_memory_the_ratios_and_the_machine():
    found = summaries(
        **{"saga": [FAST], "growth.empty": [FAST], "growth.million": [RIVAL]},
        **{f"memory.{look}": [{"rss_mb": held}] for look, held in (("early", 100.0), ("late", 110.0))},
    )
    document = json.loads(json.dumps(report.document(found, {"absurd": "why"}, {"cores": 2}, {"rounds": 1})))
    assert set(document) == {"saga", "growth", "memory", "ratios", "failures", "machine", "plan", "note"}
    assert set(document["saga"]) == set(report.FIGURES)
    assert document["growth"]["ratio"]["runs_per_s"] == pytest.approx(0.5)
    assert document["memory"]["ratio"] == {"rss_mb": pytest.approx(1.1)}
    assert document["ratios"]["memory of a worker after 20,000 runs to after 1,000"]["met"] is False
    assert document["failures"] == {"absurd": "why"}
