"""The builds have their turns by turns, each on a stack of its own; nothing here starts one or measures."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.bench.errors import BenchError
from tests.bench.shop import __main__ as bench
from tests.bench.shop.report import BEFORE, EMPTY, GOALS, MILLION, REPORT, SHOP, document
from tests.bench.shop.stack import Side
from tests.bench.turns import Turns

SIDES = [Side(SHOP, "the present code"), Side(BEFORE, "as of another commit")]


@pytest.fixture
def turns_of(monkeypatch, tmp_path):
    """Which side's stack ran, with where; measured by the given function of the side's name."""

    def run(measure):
        ran = []

        @contextmanager
        def running(side, home, logs):
            ran.append((side.name, home))
            yield side.name

        monkeypatch.setattr(bench, "running", running)
        turns = Turns()
        bench.rounds(turns, SIDES, 3, measure, tmp_path)
        return ran, turns

    return run


def test_each_round_begins_with_the_other_build(turns_of):
    ran, turns = turns_of(lambda name: {"orders_per_s": 8.0 if name == SHOP else 4.0})
    assert [name for name, _ in ran] == [SHOP, BEFORE, BEFORE, SHOP, SHOP, BEFORE]
    assert len({home for _, home in ran}) == 2
    summaries = {name: REPORT.summarise(figures) for name, figures in turns.measured.items()}
    judged = document(summaries, turns.failures, {}, {})["ratios"]
    assert judged["orders/s through checkout (stand-ins at no latency) to the build before"]["met"] is True
    assert judged["CPU of 500 open order pages to the build before"]["met"] is None


def test_a_build_that_fails_is_named_and_the_other_one_is_measured(turns_of):
    def measure(name):
        if name == BEFORE:
            raise BenchError("Not all orders were confirmed.")
        return {"orders_per_s": 8.0}

    ran, turns = turns_of(measure)
    assert turns.failures == {BEFORE: "Not all orders were confirmed."}
    assert [name for name, _ in ran] == [SHOP, BEFORE, SHOP, SHOP]


def test_every_goal_is_over_builds_and_figures_that_there_are():
    for goal in GOALS:
        for path in (goal.over, goal.under):
            assert isinstance(path, str)
            assert path.rpartition(".")[0] in (SHOP, BEFORE, EMPTY, MILLION)
            assert path.rpartition(".")[2] in REPORT.figures
