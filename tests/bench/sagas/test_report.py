"""The saga bench's goals and its JSON; nothing here measures."""

from __future__ import annotations

import json

import pytest

from tests.bench.sagas import report
from tests.bench.sagas.report import REPORT

FAST = {"runs_per_s": 200.0, "idle_p50_ms": 10.0, "slow": 200.0, "commits_per_step": 2.0}
RIVAL = {"runs_per_s": 100.0, "idle_p50_ms": 20.0, "slow": 160.0, "commits_per_step": None}


def summaries(**rounds):
    return {name: REPORT.summarise(figures) for name, figures in rounds.items()}


def test_the_goals_compare_the_saga_with_its_rivals():
    judged = REPORT.ratios(summaries(saga=[FAST], absurd=[RIVAL]))
    assert judged["saga to absurd, runs a second"] == {"goal": "at least 1.25", "ratio": 2.0, "met": True}
    assert judged["saga to absurd, idle p50"] == {"goal": "at most 1", "ratio": 0.5, "met": True}
    assert judged["saga to DBOS queued, runs a second"]["met"] is None


def test_the_json_has_the_contenders_the_growth_the_ratios_and_the_machine():
    found = summaries(**{"saga": [FAST], "growth.empty": [FAST], "growth.million": [RIVAL]})
    document = json.loads(json.dumps(report.document(found, {"absurd": "why"}, {"cores": 2}, {"rounds": 1})))
    assert set(document) == {"saga", "growth", "ratios", "failures", "machine", "plan"}
    assert set(document["saga"]) == set(report.FIGURES)
    assert document["growth"]["ratio"]["runs_per_s"] == pytest.approx(0.5)
    assert document["ratios"]["a million runs to none, runs a second"]["met"] is False
    assert document["failures"] == {"absurd": "why"}
