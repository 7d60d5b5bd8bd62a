"""A time axis on which both seconds and weeks can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sagas.presentation.drawing.axis import CUT_WIDTH, MOST_CUTS, Axis

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_what_is_busy_is_to_scale():
    axis = Axis(at(0), at(10), [(at(0), at(4)), (at(5), at(10))])
    assert [axis.at(at(second)) for second in (0, 4, 5, 10)] == pytest.approx([0, 40, 50, 100])
    assert axis.cuts == []


def test_three_weeks_of_nothing_are_cut_and_the_seconds_around_them_keep_one_scale():
    weeks = timedelta(weeks=3)
    later = at(2) + weeks
    axis = Axis(at(0), later + timedelta(seconds=1), [(at(0), at(2)), (later, later + timedelta(seconds=1))])
    (cut,) = axis.cuts
    assert cut.lasted == weeks
    assert cut.width == pytest.approx(100 * CUT_WIDTH)
    first, last = axis.at(at(2)), 100 - axis.at(later)
    assert first == pytest.approx(2 * last)
    assert first + last + cut.width == pytest.approx(100)


def test_a_gap_that_weighs_only_once_another_is_cut_is_cut_too():
    hour = at(1) + timedelta(hours=1)
    week = hour + timedelta(weeks=1)
    axis = Axis(at(0), week + timedelta(seconds=1), [(at(0), at(1)), (hour, hour), (week, week + timedelta(seconds=1))])
    assert [cut.lasted for cut in axis.cuts] == [timedelta(hours=1), timedelta(weeks=1)]
    assert axis.at(at(1)) > 10


def test_the_axis_grows_with_time_whatever_is_cut():
    busy = [(at(10**n), at(10**n + 1)) for n in range(MOST_CUTS + 4)]
    axis = Axis(at(0), at(10**10), busy)
    places = [axis.at(moment) for one in busy for moment in one]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 100
    assert len(axis.cuts) <= MOST_CUTS


def test_a_moment_outside_lies_at_an_end_and_an_axis_of_no_length_has_two_ends():
    axis = Axis(at(0), at(0), [])
    assert axis.at(at(-5)) == 0
    assert axis.at(at(5)) == 100


def test_an_axis_with_nothing_on_it_is_one_cut():
    axis = Axis(at(0), at(60), [])
    assert [cut.lasted for cut in axis.cuts] == [timedelta(minutes=1)]
