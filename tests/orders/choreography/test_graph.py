"""Where the lines of a trail run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from orders.choreography.trail.graph import graph
from orders.choreography.trail.messages import Written

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def trail(*causes: int | None) -> list[Written]:
    """Messages a second apart; each is caused by the one at that place."""
    return [
        Written(
            id=UUID(int=at + 1),
            type="orders.something",
            version=1,
            at=NOON + timedelta(seconds=at),
            payload="{}",
            trace_id="",
            caused_by=None if cause is None else UUID(int=cause + 1),
            published_at=NOON,
            attempts=0,
            error="",
            receivers=(),
        )
        for at, cause in enumerate(causes)
    ]


def drawn(*causes: int | None) -> list[tuple[int, bool, list[int], list[int]]]:
    """Lane, whether the line goes on, lanes passing by, lanes beginning."""
    return [(row.lane, row.goes_on, row.through, row.branches) for row in graph(trail(*causes))]


def test_a_chain_of_events_is_one_straight_line():
    assert drawn(None, 0, 1) == [(0, True, [], []), (0, True, [], []), (0, False, [], [])]


def test_a_second_consequence_leaves_for_a_lane_of_its_own():
    assert drawn(None, 0, 0, 1) == [
        (0, True, [], [1]),
        (0, True, [1], []),
        (1, False, [0], []),
        (0, False, [], []),
    ]


def test_a_lane_is_free_again_when_its_line_has_ended():
    lanes = [row[0] for row in drawn(None, 0, 0, 1, 3, 3)]
    assert lanes == [0, 0, 1, 0, 0, 1]


def test_two_beginnings_stand_beside_each_other_while_both_go_on():
    assert [row[0] for row in drawn(None, None, 0, 1)] == [0, 1, 0, 1]


def test_a_cause_that_is_not_kept_any_more_makes_a_beginning():
    (row,) = graph(trail(None))[:1]
    assert row.cause is None
    lost = trail(None, 7)
    assert graph(lost)[1].cause is None


def test_what_a_saga_writes_follows_its_run_by_a_dashed_line():
    run = [
        replace(one, type="sagas.run_ready" if at == 1 else one.type)
        for at, one in enumerate(trail(None, 0, None, None, 3))
    ]
    rows = graph(run)
    assert [row.cause for row in rows] == [None, 0, 1, 2, 3]
    assert [row.by_saga for row in rows] == [False, False, True, True, False]
    assert [row.dashed_on for row in rows] == [False, True, True, False, False]
