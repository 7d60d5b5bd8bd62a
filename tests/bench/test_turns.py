"""No contender is always first."""

from __future__ import annotations

from tests.bench.turns import rotated


def test_each_round_begins_with_the_next_one():
    assert ["".join(rotated("abc", number)) for number in range(1, 6)] == ["abc", "bca", "cab", "abc", "bca"]


def test_a_round_of_nobody_is_empty():
    assert rotated([], 3) == []
