"""A run drawn to scale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sagas.models import Act, Attempt, Run, Step
from sagas.presentation.drawing.scale import LEAST_WIDTH, to_scale

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
STEPS = [Step(name="pay", position=0), Step(name="send_parcel", position=1)]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def attempt(step: str, number: int, began: float, ended: float | None, outcome: str, direction="forward") -> Attempt:
    end = None if ended is None else at(ended)
    return Attempt(step=step, number=number, started_at=at(began), ended_at=end, outcome=outcome, direction=direction)


def run(**fields) -> Run:
    return Run(status="running", position=0, created_at=NOON, **fields)


def test_attempts_and_the_waits_between_them_lie_in_the_lane_of_their_step():
    attempts = [
        attempt("pay", 1, 0, 4, "in_doubt"),
        attempt("pay", 2, 5, 8, "done"),
        attempt("send_parcel", 1, 8, 10, "done"),
    ]
    drawn = to_scale(run(finished_at=at(10)), STEPS, attempts, [], at(99))
    assert drawn is not None
    assert [lane.name for lane in drawn.lanes] == ["Pay", "Send parcel"]
    pay, send = drawn.lanes
    assert [(bar.kind, bar.tone, round(bar.left), round(bar.width)) for bar in pay.bars] == [
        ("wait", "wait", 40, 10),
        ("attempt", "bad", 0, 40),
        ("attempt", "ok", 50, 30),
    ]
    assert [(bar.kind, round(bar.left), round(bar.width)) for bar in send.bars] == [("attempt", 80, 20)]


def test_a_wait_and_an_attempt_in_hand_last_until_now():
    waits = to_scale(run(), STEPS, [attempt("pay", 1, 0, 5, "away")], [], at(6))
    assert waits is not None
    assert next((bar.kind, bar.says) for bar in waits.lanes[0].bars) == ("wait", "waited for the participant, 1 s")
    held = to_scale(run(), STEPS, [attempt("pay", 1, 0, None, "")], [], at(6))
    assert held is not None
    assert [round(bar.width) for bar in held.lanes[0].bars] == [100]


def test_an_undo_is_told_from_an_attempt_and_what_people_did_has_a_lane():
    attempts = [attempt("pay", 1, 0, 4, "done"), attempt("pay", 1, 6, 10, "done", "undo")]
    act = Act(verb="compensate", actor_name="olga", at=at(5), before={}, after={})
    drawn = to_scale(run(finished_at=at(10)), STEPS, attempts, [act], at(10))
    assert drawn is not None
    assert [bar.kind for bar in drawn.lanes[0].bars] == ["attempt", "undo"]
    assert drawn.lanes[-1].name == "People"
    assert [bar.says for bar in drawn.lanes[-1].bars] == ["Compensate by olga, at 12:00:05"]


def test_what_takes_no_time_is_seen_and_stays_within_the_drawing():
    drawn = to_scale(
        run(finished_at=at(10)),
        STEPS,
        [attempt("pay", 1, 0, 9, "done"), attempt("send_parcel", 1, 10, 10, "done")],
        [],
        at(10),
    )
    assert drawn is not None
    (bar,) = drawn.lanes[1].bars
    assert bar.width == pytest.approx(LEAST_WIDTH)
    assert bar.left + bar.width <= 100


def test_a_run_of_which_nothing_is_known_is_not_drawn():
    assert to_scale(run(), STEPS, [], [], at(1)) is None
