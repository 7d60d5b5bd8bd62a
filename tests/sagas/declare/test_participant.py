"""The policy for a participant: how long it is held, and how many waiting runs return."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sagas import Participant
from sagas.participants.configured import participant_problems
from sagas.participants.lookup import policy_of

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("hold", "longest", "opening", "seconds"),
    [
        (5, 60, 1, 5),
        (5, 60, 2, 10),
        (5, 60, 3, 20),
        (5, 60, 4, 40),
        (5, 60, 5, 60),
        (5, 60, 6, 60),
        (5, 60, 100_000, 60),
        (5, 40, 4, 40),
        (5, 5, 1, 5),
        (5, 5, 2, 5),
        (1, 3600, 13, 3600),
        (1, 3600, 12, 2048),
    ],
)
def test_each_opening_in_a_row_holds_twice_as_long_up_to_the_longest(hold, longest, opening, seconds):
    policy = Participant(hold=hold * SECOND, longest_hold=longest * SECOND)
    assert policy.hold_after(opening) == seconds * SECOND
    holds = policy.holds()
    assert holds[min(opening, len(holds)) - 1] == seconds, "what PostgreSQL is given says the same"
    assert holds[-1] == longest


@pytest.mark.parametrize(
    ("rate", "per_second", "seconds", "number", "left"),
    [
        (20, None, None, 20, 0),  # the first time: a second's worth
        (20, None, 0, 0, 0),
        (20, None, 0.04, 0, 0.04),  # not a whole run yet: the time is kept
        (20, None, 0.05, 1, 0),
        (20, None, 0.12, 2, 0.02),
        (20, None, 1, 20, 0),
        (20, None, 300, 20, 0),  # a sweep that was away: no stampede
        (20, None, -3, 0, 0),  # a clock that was set back
        (0.5, None, 1, 0, 1),
        (0.5, None, 2, 1, 0),
        (0.5, None, 300, 1, 0),
        (20, 5, 1, 5, 0),  # never faster than calls may begin
        (5, 20, 1, 5, 0),
        (3, None, 1, 3, 0),
    ],
)
def test_waiting_runs_return_at_the_rate_that_the_time_since_allows(rate, per_second, seconds, number, left):
    policy = Participant(release_per_second=rate, per_second=per_second)
    released, kept = policy.released(seconds)
    assert released == number
    assert kept == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize(
    "given",
    [
        {"at_once": 0},
        {"per_second": 0},
        {"per_second": float("nan")},
        {"trip_after": 0},
        {"hold": timedelta(0)},
        {"longest_hold": SECOND},
        {"release_per_second": 0},
        {"release_per_second": float("inf")},
    ],
)
def test_a_policy_that_cannot_work_is_refused_with_a_sentence(given):
    with pytest.raises(ValueError, match=r"^Participant.*(give|must be)"):
        Participant(**given)


def test_a_participant_that_is_not_listed_gets_the_defaults(settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=3)}
    assert policy_of("shop").at_once == 3
    assert policy_of("bank") == Participant()


def test_a_name_that_no_step_calls_is_reported(settings):
    settings.SAGAS_PARTICIPANTS = {"payments": Participant(), "paymints": Participant(at_once=3)}
    (problem,) = participant_problems()
    assert "'paymints'" in problem.msg
    assert "payments" in str(problem.hint)
