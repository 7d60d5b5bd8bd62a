"""The goals of the bench for branches; nothing here measures."""

from __future__ import annotations

import pytest

from tests.bench.branches.contenders import IDLE, IN_A_ROW, SIDE_BY_SIDE, WAITING, contenders
from tests.bench.branches.report import FIGURES, GOALS, REPORT


def idle(*samples):
    return REPORT.summarise([{"idle_cpu_s": one} for one in samples])


@pytest.mark.parametrize(("waiting", "met"), [((0.8, 1.1, 1.3), True), ((0.9, 1.3, 1.4), False)])
def test_runs_that_wait_may_cost_no_more_than_the_dearest_idle_round(waiting, met):
    judged = REPORT.ratios({IDLE: idle(0.9, 1.0, 1.2), WAITING: idle(*waiting)})
    assert judged["CPU with runs that wait to the dearest round without"]["met"] is met


def test_a_single_run_side_by_side_is_to_take_less_than_in_a_row():
    found = {name: REPORT.summarise([{"one_s": one}]) for name, one in ((SIDE_BY_SIDE, 0.13), (IN_A_ROW, 0.2))}
    assert REPORT.ratios(found)["one run side by side to in a row"] == {
        "goal": "at most 0.6",
        "ratio": 0.65,
        "met": False,
    }


def test_every_goal_is_over_what_is_measured():
    names = {one.name for one in contenders(1, 1)}
    for goal in GOALS:
        for path in (goal.over, goal.under):
            assert isinstance(path, str)
            assert path.rpartition(".")[0] in names
            assert path.rpartition(".")[2] in FIGURES
