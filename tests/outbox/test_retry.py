"""When to try again: waits grow, have an end, and differ by chance."""

from datetime import timedelta

import pytest

from outbox import Retry

MINUTE = timedelta(minutes=1)


def seconds(retry: Retry, *, roll: float = 0.0, tries: int = 8) -> list[float | None]:
    waits = [retry.delay_after(number, roll=roll) for number in range(1, tries + 1)]
    return [None if wait is None else wait.total_seconds() for wait in waits]


def test_each_wait_is_twice_the_one_before_up_to_the_longest():
    assert seconds(Retry(attempts=None, longest=MINUTE)) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_chance_takes_at_most_its_share_of_a_wait():
    assert seconds(Retry(attempts=None), roll=0.5, tries=3) == [0.875, 1.75, 3.5]
    assert seconds(Retry(attempts=None, jitter=0), roll=0.5, tries=3) == [1, 2, 4]


def test_a_spent_budget_has_no_next_wait():
    assert seconds(Retry(attempts=3), tries=4) == [1, 2, None, None]


@pytest.mark.parametrize("attempt", [1_000, 100_000, 10**9])
def test_work_that_never_gives_up_waits_the_longest_and_no_more(attempt):
    assert Retry.until_done(longest=MINUTE).delay_after(attempt, roll=0.0) == MINUTE
