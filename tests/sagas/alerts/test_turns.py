"""What follows from a reading, as a table: it begins after it has held, ends after it is gone, and never flaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sagas import AlertRule
from sagas.alerts.turns import State, Tell, turn

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
RULE = AlertRule("slow", "figure", above=0, for_=timedelta(minutes=5), title="Slow", do="Wait.")
OK, PENDING, FIRING, ENDING = State.OK, State.PENDING, State.FIRING, State.ENDING
BEGAN, ENDED, NOTHING = Tell.BEGAN, Tell.ENDED, Tell.NOTHING


@pytest.mark.parametrize(
    ("state", "minutes", "is_above", "is_told", "follows"),
    [
        (OK, 60, False, False, (OK, NOTHING)),
        (OK, 60, True, False, (PENDING, NOTHING)),
        (PENDING, 4, True, False, (PENDING, NOTHING)),
        (PENDING, 5, True, False, (FIRING, BEGAN)),
        (PENDING, 4, False, False, (OK, NOTHING)),  # a moment: nobody hears of it
        (FIRING, 60, True, True, (FIRING, NOTHING)),  # once
        (FIRING, 60, False, True, (ENDING, NOTHING)),
        (ENDING, 4, False, True, (ENDING, NOTHING)),
        (ENDING, 4, True, True, (FIRING, NOTHING)),  # it flaps: nobody hears of it
        (ENDING, 5, False, True, (OK, ENDED)),
        (ENDING, 5, False, False, (OK, NOTHING)),  # its beginning was silenced
    ],
)
def test_what_follows(state, minutes, is_above, is_told, follows):
    since = NOW - timedelta(minutes=minutes)
    then = turn(RULE, state, since, NOW, is_above=is_above, is_told=is_told, is_silenced=False)
    assert (then.state, then.tell) == follows
    assert then.since == (since if then.state == state else NOW)


def test_a_silence_keeps_the_beginning_until_it_is_over_and_keeps_no_end():
    since = NOW - timedelta(minutes=5)
    assert turn(RULE, PENDING, since, NOW, is_above=True, is_told=False, is_silenced=True) == (FIRING, NOW, NOTHING)
    assert turn(RULE, FIRING, since, NOW, is_above=True, is_told=False, is_silenced=True).tell == NOTHING
    assert turn(RULE, FIRING, since, NOW, is_above=True, is_told=False, is_silenced=False).tell == BEGAN
    assert turn(RULE, ENDING, since, NOW, is_above=False, is_told=True, is_silenced=True).tell == ENDED


def test_a_rule_without_a_duration_begins_at_once_and_still_ends_after_a_minute():
    at_once = AlertRule("old", "figure", above=0, for_=timedelta(0), title="Old", do="Look.")
    assert turn(at_once, OK, NOW, NOW, is_above=True, is_told=False, is_silenced=False) == (FIRING, NOW, BEGAN)
    soon = NOW + timedelta(seconds=57)
    assert turn(at_once, ENDING, NOW, soon, is_above=False, is_told=True, is_silenced=False).tell == NOTHING
