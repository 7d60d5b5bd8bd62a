"""Ticks against tables worked out by hand, at each change of summer time; and properties over all of 2026.

Berlin goes from +01:00 to +02:00 on 2026-03-29 at 01:00 UTC, and back on 2026-10-25 at 01:00 UTC. New York goes from
-05:00 to -04:00 on 2026-03-08 at 07:00 UTC, and back on 2026-11-01 at 06:00 UTC. Lord Howe goes from +11:00 to +10:30
on 2026-04-04 at 15:00 UTC, and back on 2026-10-03 at 15:30 UTC: by half an hour, at two o'clock on its own clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagas import SagaDeclarationError
from sagas.declare.cron import Cron

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def at(text: str) -> datetime:
    """`03-29 01:00` of 2026, in UTC."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


BY_HAND = [
    # expression, zone, from, until: the ticks in UTC
    ("30 2 * * *", BERLIN, "03-28 00:00", "03-31 00:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
    ("30 2 * * *", BERLIN, "10-24 00:00", "10-27 00:00", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
    ("0 3 * * *", BERLIN, "03-28 00:00", "03-31 00:00", ["03-28 02:00", "03-29 01:00", "03-30 01:00"]),
    ("0 3 * * *", BERLIN, "10-24 00:00", "10-27 00:00", ["10-24 01:00", "10-25 02:00", "10-26 02:00"]),
    # 02:00 and 02:30 do not exist, nor do they twice; 03:00 does once
    ("0,30 2,3 * * *", BERLIN, "03-29 00:00", "03-29 23:00", ["03-29 01:00", "03-29 01:30"]),
    ("0,30 2 * * *", BERLIN, "10-24 23:00", "10-25 12:00", ["10-25 00:00", "10-25 00:30"]),
    ("*/20 2 * * *", BERLIN, "03-29 00:00", "03-29 12:00", ["03-29 01:00"]),
    ("*/20 2 * * *", BERLIN, "10-24 23:00", "10-25 12:00", ["10-25 00:00", "10-25 00:20", "10-25 00:40"]),
    # two-hourly by its own clock: 00, 02 (at 03), 04; and 00, 02 (once), 04
    ("0 */2 * * *", BERLIN, "03-28 22:00", "03-29 03:00", ["03-28 23:00", "03-29 01:00", "03-29 02:00"]),
    ("0 */2 * * *", BERLIN, "10-24 21:00", "10-25 04:00", ["10-24 22:00", "10-25 00:00", "10-25 03:00"]),
    # hourly: each hour that passes
    ("30 * * * *", BERLIN, "03-28 23:00", "03-29 03:00", ["03-28 23:30", "03-29 00:30", "03-29 01:30", "03-29 02:30"]),
    ("30 * * * *", BERLIN, "10-24 23:00", "10-25 03:00", ["10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"]),
    ("0 0-23 * * *", BERLIN, "10-24 23:30", "10-25 02:30", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
    ("*/30 * * * *", BERLIN, "03-29 00:15", "03-29 01:45", ["03-29 00:30", "03-29 01:00", "03-29 01:30"]),
    ("*/30 * * * *", BERLIN, "10-25 00:15", "10-25 01:45", ["10-25 00:30", "10-25 01:00", "10-25 01:30"]),
    ("30 2 * * SUN", BERLIN, "03-22 12:00", "04-06 00:00", ["03-29 01:00", "04-05 00:30"]),
    ("30 2 29 * *", BERLIN, "03-01 00:00", "05-01 00:00", ["03-29 01:00", "04-29 00:30"]),
    ("30 2 * * *", NEW_YORK, "03-07 00:00", "03-10 00:00", ["03-07 07:30", "03-08 07:00", "03-09 06:30"]),
    ("30 1 * * *", NEW_YORK, "10-31 00:00", "11-03 00:00", ["10-31 05:30", "11-01 05:30", "11-02 06:30"]),
    ("15 * * * *", NEW_YORK, "11-01 04:30", "11-01 07:30", ["11-01 05:15", "11-01 06:15", "11-01 07:15"]),
    ("15 * * * *", NEW_YORK, "03-08 05:30", "03-08 08:30", ["03-08 06:15", "03-08 07:15", "03-08 08:15"]),
    # 02:00 to 02:30 does not exist; 01:30 to 02:00 exists twice
    ("15 2 * * *", LORD_HOWE, "10-02 00:00", "10-05 00:00", ["10-02 15:45", "10-03 15:30", "10-04 15:15"]),
    ("45 1 * * *", LORD_HOWE, "04-03 00:00", "04-06 00:00", ["04-03 14:45", "04-04 14:45", "04-05 15:15"]),
    (
        "0 * * * *",
        LORD_HOWE,
        "10-03 14:00",
        "10-03 17:00",
        ["10-03 14:30", "10-03 15:30", "10-03 16:00", "10-03 17:00"],
    ),
    ("45 * * * *", LORD_HOWE, "04-04 13:30", "04-04 16:30", ["04-04 13:45", "04-04 14:45", "04-04 16:15"]),
    (
        "*/30 * * * *",
        LORD_HOWE,
        "04-04 14:15",
        "04-04 16:15",
        ["04-04 14:30", "04-04 15:00", "04-04 15:30", "04-04 16:00"],
    ),
    ("*/30 * * * *", LORD_HOWE, "10-03 14:45", "10-03 16:15", ["10-03 15:00", "10-03 15:30", "10-03 16:00"]),
    ("0 0 * * *", "UTC", "03-28 12:00", "03-30 12:00", ["03-29 00:00", "03-30 00:00"]),
    ("0 12 L * *", "Asia/Kathmandu", "02-01 00:00", "04-01 00:00", ["02-28 06:15", "03-31 06:15"]),
]


@pytest.mark.parametrize(("expression", "zone", "since", "until", "ticks"), BY_HAND)
def test_ticks_are_as_worked_out_by_hand(expression, zone, since, until, ticks):
    assert list(Cron(expression, zone).between(at(since), at(until))) == [at(one) for one in ticks]


def test_ticks_begin_after_the_moment_and_end_with_the_last_one():
    cron = Cron("0 3 * * *", "UTC")
    assert list(cron.between(at("05-01 03:00"), at("05-02 03:00"))) == [at("05-02 03:00")]
    assert next(cron.after(at("05-01 02:59"))) == at("05-01 03:00")


def test_what_comes_seldom_comes():
    leap = Cron("0 3 29 2 *", BERLIN)
    assert [one.year for one in islice(leap.after(at("01-01 00:00")), 3)] == [2028, 2032, 2036]


def test_seconds_of_the_moment_do_not_matter():
    cron = Cron("*/5 * * * *", BERLIN)
    assert next(cron.after(at("03-29 00:59") + timedelta(seconds=59, microseconds=999_999))) == at("03-29 01:00")


ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, LORD_HOWE, "UTC", "Africa/Casablanca", "America/St_Johns", "Pacific/Chatham"]
)
MINUTES = st.integers(0, 59)
CERTAIN_HOURS = st.builds(lambda m, h: (f"{m} {h} * * *", m, h), MINUTES, st.integers(0, 23))
EVERY_HOUR = st.sampled_from(["* * * * *", "*/5 * * * *", "0 * * * *", "17 * * * *", "5,35 0-23 * * *"])
ANY = st.one_of(
    CERTAIN_HOURS.map(lambda made: made[0]), EVERY_HOUR, st.sampled_from(["*/7 1-3 * * *", "0 */2 * * 1-5"])
)
MOMENTS = st.integers(0, 365 * 24 * 60).map(lambda minutes: at("01-01 00:00") + minutes * MINUTE)


@settings(deadline=None)
@given(ANY, ZONES, MOMENTS, st.lists(st.integers(1, 3 * 24 * 60), max_size=6))
def test_whenever_one_looks_no_tick_is_lost_or_doubled(expression, zone, since, pauses):
    """The ticks of adjoining spans are those of the whole, each later than the one before."""
    cron, looks = Cron(expression, zone), [since]
    for minutes in pauses:
        looks.append(looks[-1] + minutes * MINUTE)
    whole = list(cron.between(looks[0], looks[-1]))
    assert [tick for first, then in pairwise(looks) for tick in cron.between(first, then)] == whole
    assert all(first < then for first, then in pairwise(whole))


@settings(deadline=None, max_examples=40)
@given(CERTAIN_HOURS, ZONES)
def test_a_time_of_the_day_ticks_once_on_each_day(made, zone):
    expression, minute, hour = made
    cron = Cron(expression, zone)
    local = [cron.local(tick) for tick in cron.between(at("01-01 12:00"), at("12-31 12:00"))]
    days = [one.date() for one in local]
    assert len(days) == len(set(days))
    assert (days[-1] - days[0]).days + 1 == len(days)
    off = [one for one in local if (one.hour, one.minute) != (hour, minute)]
    assert len(off) <= 3, "the clock is put forward at most so often a year"


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Africa/Casablanca"])
@pytest.mark.parametrize("expression", ["*/20 * * * *", "0 * * * *", "17 * * * *"])
def test_what_is_for_every_hour_ticks_evenly_all_the_year(expression, zone):
    ticks = list(Cron(expression, zone).between(at("01-01 12:00"), at("12-31 12:00")))
    assert len({then - first for first, then in pairwise(ticks)}) == 1


def mistaken(expression: object, zone: object = BERLIN) -> str:
    with pytest.raises(SagaDeclarationError) as told:
        Cron(expression, zone)  # type: ignore[arg-type]
    return str(told.value)


NOT_CRON = ["", "daily", "@daily", "0 3 * *", "0 0 3 * * *", "60 * * * *", "0 24 * * *", "x * * * *", "-1 * * * *"]
NOR_THIS = ["*/0 * * * *", "5-1 * * * *", None, 5, "0 3 * * 8", "0 3 * 13 *", f"{'9' * 150} * * * *", "٣ * * * *"]


@pytest.mark.parametrize("expression", [*NOT_CRON, *NOR_THIS])
def test_what_is_no_expression_is_refused_with_the_five_fields(expression):
    assert "give five fields, minute hour day-of-month month day-of-week" in mistaken(expression)


@pytest.mark.parametrize("expression", ["0 3 30 2 *", "0 3 31 4 *", "0 3 31 2,4,6,9,11 *"])
def test_a_date_that_never_comes_is_refused(expression):
    assert "Bad day-of-month" in mistaken(expression)


@pytest.mark.parametrize(
    "zone", ["", "Berlin", "Europe", "../../etc/passwd", "/etc/localtime", "CEST", None, 2, "a\0b"]
)
def test_a_zone_that_is_not_there_is_refused(zone):
    assert 'such as timezone="Europe/Berlin"' in mistaken("0 3 * * *", zone)


@settings(deadline=None)
@given(st.text(alphabet="0123456789*/,-L#W @x", max_size=20))
def test_any_text_is_an_expression_or_is_refused(text):
    try:
        ticks = list(islice(Cron(text, BERLIN).after(at("03-28 00:00")), 3))
    except SagaDeclarationError:
        return
    assert ticks == sorted(set(ticks))
    assert ticks
