"""What becomes of the ticks that are due, as a table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sagas.schedules.plan import AT_ONCE, Fate, Standing, fates, may_start
from tests.support.sagas.nightly import at

NOW = at("05-01 12:00")
R, M, P, B = Fate.RUN, Fate.MISSED, Fate.PAUSED, Fate.BUSY


@pytest.mark.parametrize(
    ("minutes_ago", "standing", "expected"),
    [
        ([0], Standing("once", "skip"), [R]),
        ([0], Standing("once", "skip", is_busy=True), [B]),
        ([0], Standing("once", "queue", is_busy=True), [R]),
        ([0], Standing("once", "start", is_busy=True), [R]),
        ([3, 2, 1], Standing("once", "start"), [M, M, R]),
        ([3, 2, 1], Standing("once", "start", more_follow=True), [M, M, M]),
        ([90], Standing("once", "skip"), [R]),
        ([90], Standing("once", "skip", is_busy=True), [B]),
        ([3, 2, 0], Standing("skip", "start"), [M, M, R]),
        ([1, 0], Standing("skip", "start"), [R, R]),
        ([1, 0], Standing("skip", "skip"), [R, B]),
        ([90], Standing("skip", "skip"), [M]),
        ([3, 2, 0], Standing("all", "start"), [R, R, R]),
        ([3, 2, 0], Standing("all", "queue"), [R, R, R]),
        ([3, 2, 0], Standing("all", "skip"), [R, R, B]),
        ([3, 2], Standing("all", "skip", is_busy=True), [R, R]),
        ([3, 0], Standing("all", "start", is_paused=True), [P, P]),
        ([3, 0], Standing("once", "start", is_paused=True, more_follow=True), [P, P]),
        ([], Standing("once", "skip"), []),
    ],
)
def test_what_becomes_of_each_tick(minutes_ago, standing, expected):
    ticks = [NOW - timedelta(minutes=ago) for ago in minutes_ago]
    assert list(fates(ticks, NOW, standing)) == list(zip(ticks, expected, strict=True))


def test_how_many_may_start():
    assert [may_start("skip", 0), may_start("skip", 1)] == [1, 0]
    assert [may_start("queue", 0), may_start("queue", 2)] == [1, 0]
    assert may_start("start", 50) == AT_ONCE
