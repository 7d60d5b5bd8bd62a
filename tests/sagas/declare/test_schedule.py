"""A schedule's declaration: what it says of its ticks, and what is refused with the sentence that mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sagas import Saga, SagaDeclarationError, Schedule
from sagas.declare import registry, schedule_registry


@dataclass(frozen=True)
class Tidy:
    day: date


@pytest.fixture
def tidy() -> Iterator[Saga[Tidy]]:
    saga = Saga[Tidy]("tidy")
    yield saga
    registry.forget(saga)
    for schedule in schedule_registry.all_schedules():
        if schedule.saga is saga:
            schedule_registry.forget(schedule)


def schedule(saga: Any, **options: Any) -> Schedule[Any]:
    usual = {"cron": "30 0 * * *", "timezone": "Europe/Berlin", "input": lambda tick: Tidy(tick.date())}
    return Schedule(saga, **{**usual, **options})


def test_a_run_is_keyed_by_the_tick_in_utc_and_told_it_by_the_schedules_own_clock(tidy):
    made = schedule(tidy)
    (tick,) = made.ticks_between(datetime(2026, 6, 30, 12, tzinfo=UTC), datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert made.key_of(tick) == "tidy:2026-06-30T22:30:00Z"
    assert made.input_of(tick) == Tidy(date(2026, 7, 1))
    assert schedule_registry.find("tidy") is made


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"missed": "never"}, 'The schedule tidy: missed=\'never\'; give one of "once", "all", "skip".'),
        ({"overlap": None}, 'The schedule tidy: overlap=None; give one of "skip", "queue", "start".'),
        ({"name": "at night"}, "A schedule of tidy: name='at night'; give at most 60 letters, digits, dots"),
        ({"name": "x" * 61}, "give at most 60 letters"),
        ({"name": 5}, "A schedule of tidy: name=5; give at most 60"),
        ({"cron": "0 3 * *"}, "The schedule tidy: cron='0 3 * *'; give five fields"),
        ({"timezone": "Berlin"}, "The schedule tidy: timezone='Berlin'; give a name of the IANA database"),
        ({"input": lambda: None}, "The schedule tidy: input"),
        ({"input": None}, "The schedule tidy: input"),
        ({"missed": ["all"]}, "The schedule tidy: missed=['all']; give one of"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(tidy, options, sentence):
    with pytest.raises(SagaDeclarationError) as told:
        schedule(tidy, **options)
    assert sentence in str(told.value)
    assert schedule_registry.find("tidy") is None


def test_something_else_than_a_saga_is_refused():
    with pytest.raises(SagaDeclarationError, match="give the saga that it starts"):
        schedule("tidy")


def test_two_schedules_of_one_saga_have_names_of_their_own(tidy):
    schedule(tidy)
    with pytest.raises(SagaDeclarationError, match=r"Two schedules are named tidy: give one .* name=…"):
        schedule(tidy)
    assert schedule(tidy, name="tidy-weekly").key_of(datetime(2026, 1, 1, tzinfo=UTC)).startswith("tidy-weekly:")
