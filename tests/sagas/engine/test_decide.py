"""The rule, row by row: what happened, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sagas import Awaits, NotApplied, Refused, RetryAfter
from sagas.engine.decide import (
    Cost,
    Failures,
    GoForward,
    Left,
    Park,
    PassOver,
    Place,
    Record,
    Undo,
    Wait,
    decide,
    decide_best_effort,
    decide_doubtful_pivot,
    decide_undo,
    needs_person,
)
from sagas.errors import LostAttempts, RecordingFailed, Unfit
from sagas.participants import answers
from sagas.participants.answers import Answer, Awaiting, Done, Found, Later, LostWorker, NoAnswer, OurFailure, Refusal

SOON, PAUSE, LATER = timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3)
BEFORE, PIVOT, AFTER = Place
REFUSED, DOUBT = Left.REFUSED, Left.IN_DOUBT
GRANTED, FORGIVEN = Cost.GRANTED, Cost.FORGIVEN
YES, NOTHING, SILENT = Done("y"), NotApplied(), None

OK = Done("x")
NO = Refusal(Refused("no"))
AWAY = Later(LATER, RetryAfter(LATER, "away"))
AWAITS = Awaiting(LATER, Awaits(LATER, "the customer"))
LOST = NoAnswer(TimeoutError())
KILLED = LostWorker(LostAttempts(3))
OURS = OurFailure(RecordingFailed("a hook"))


@dataclass(frozen=True)
class Row:
    """An attempt: where it was made, how often the participant was asked, the delay left, whether calls are held."""

    place: Place
    times: int
    delay: timedelta | None
    held: bool = False
    pause: timedelta = PAUSE


class Probe:
    """Says what it is told to, and counts."""

    def __init__(self, found: Found) -> None:
        self.found, self.asked = found, 0

    def __call__(self) -> Found:
        self.asked += 1
        return self.found


UNASKED = object()
"""For the probe's column: it is not asked."""

ROWS: list[tuple[Answer, Row, Any, Any]] = [
    # answer, attempt, what the probe says → what follows
    (OK, Row(BEFORE, 1, SOON), UNASKED, Record("x")),
    (OK, Row(PIVOT, 3, None), UNASKED, Record("x")),
    (OK, Row(AFTER, 1, SOON), UNASKED, Record("x")),
    (NO, Row(BEFORE, 1, SOON), UNASKED, Undo(REFUSED)),
    (NO, Row(BEFORE, 2, SOON), UNASKED, Undo(REFUSED)),
    (NO, Row(PIVOT, 1, SOON), UNASKED, Undo(REFUSED)),
    (NO, Row(PIVOT, 2, SOON), SILENT, Park(DOUBT)),
    (NO, Row(PIVOT, 2, SOON), NOTHING, Undo(REFUSED)),
    (NO, Row(PIVOT, 2, SOON), YES, Record("y")),
    (NO, Row(AFTER, 1, SOON), UNASKED, Park(REFUSED)),
    (NO, Row(AFTER, 2, SOON), UNASKED, Park(REFUSED)),
    (AWAY, Row(BEFORE, 1, SOON), UNASKED, Wait(LATER, FORGIVEN)),
    (AWAY, Row(PIVOT, 3, None, held=True), UNASKED, Wait(LATER, FORGIVEN)),
    (AWAITS, Row(BEFORE, 1, SOON), UNASKED, Wait(LATER, GRANTED)),
    (AWAITS, Row(PIVOT, 3, None), UNASKED, Wait(LATER, GRANTED)),
    (OURS, Row(BEFORE, 1, SOON), UNASKED, Wait(PAUSE, GRANTED)),
    (OURS, Row(AFTER, 3, None, held=True), UNASKED, Wait(PAUSE, GRANTED)),
    (LOST, Row(BEFORE, 1, SOON), UNASKED, Wait(SOON)),
    (LOST, Row(PIVOT, 1, SOON), UNASKED, Wait(SOON)),
    (LOST, Row(AFTER, 1, SOON), UNASKED, Wait(SOON)),
    (LOST, Row(BEFORE, 3, None), SILENT, Undo(DOUBT)),
    (LOST, Row(BEFORE, 3, None), NOTHING, Undo(DOUBT)),
    (LOST, Row(BEFORE, 3, None), YES, Record("y")),
    (LOST, Row(PIVOT, 3, None), SILENT, Park(DOUBT)),
    (LOST, Row(PIVOT, 3, None), NOTHING, Park(DOUBT)),
    (LOST, Row(PIVOT, 3, None), YES, Record("y")),
    (LOST, Row(AFTER, 3, None), SILENT, Park(DOUBT)),
    (LOST, Row(AFTER, 3, None), YES, Record("y")),
    (LOST, Row(BEFORE, 1, SOON, held=True), SILENT, Wait(PAUSE, GRANTED)),
    (LOST, Row(BEFORE, 1, SOON, held=True), NOTHING, Wait(PAUSE, GRANTED)),
    (LOST, Row(BEFORE, 1, SOON, held=True), YES, Record("y")),
    (LOST, Row(PIVOT, 3, None, held=True), SILENT, Wait(PAUSE, GRANTED)),
    (KILLED, Row(BEFORE, 3, SOON), SILENT, Undo(DOUBT)),
    (KILLED, Row(BEFORE, 3, None, held=True), NOTHING, Undo(DOUBT)),
    (KILLED, Row(BEFORE, 3, None), YES, Record("y")),
    (KILLED, Row(PIVOT, 3, None), SILENT, Park(DOUBT)),
    (KILLED, Row(PIVOT, 3, None), YES, Record("y")),
    (KILLED, Row(AFTER, 3, None), NOTHING, Park(DOUBT)),
]

BEST_EFFORT_ROWS: list[tuple[Answer, Row, Any, Any]] = [
    (OK, Row(BEFORE, 1, SOON), UNASKED, Record("x")),
    (NO, Row(BEFORE, 1, SOON), UNASKED, PassOver(in_doubt=False)),
    (NO, Row(AFTER, 1, SOON), UNASKED, PassOver(in_doubt=False)),
    (NO, Row(AFTER, 2, SOON), SILENT, PassOver(in_doubt=True)),
    (NO, Row(BEFORE, 2, SOON), NOTHING, PassOver(in_doubt=False)),
    (NO, Row(BEFORE, 2, SOON), YES, Record("y")),
    (AWAY, Row(BEFORE, 1, SOON), UNASKED, Wait(LATER, FORGIVEN)),
    (AWAY, Row(BEFORE, 1, None), UNASKED, PassOver(in_doubt=False)),
    (AWAY, Row(AFTER, 2, None), SILENT, PassOver(in_doubt=True)),
    (AWAITS, Row(BEFORE, 1, SOON), UNASKED, Wait(LATER, GRANTED)),
    (OURS, Row(AFTER, 3, None), UNASKED, Wait(PAUSE, GRANTED)),
    (LOST, Row(BEFORE, 1, SOON), UNASKED, Wait(SOON)),
    (LOST, Row(BEFORE, 1, SOON, held=True), UNASKED, Wait(SOON)),
    (LOST, Row(BEFORE, 3, None), SILENT, PassOver(in_doubt=True)),
    (LOST, Row(AFTER, 3, None), NOTHING, PassOver(in_doubt=False)),
    (LOST, Row(BEFORE, 3, None, held=True), YES, Record("y")),
    (KILLED, Row(AFTER, 3, SOON), SILENT, PassOver(in_doubt=True)),
]

UNDO_ROWS: list[tuple[Answer, Row, Any]] = [
    (OK, Row(BEFORE, 1, SOON), Record("x")),
    (NO, Row(BEFORE, 1, SOON), Park(REFUSED)),
    (AWAY, Row(BEFORE, 3, None, held=True), Wait(LATER, FORGIVEN)),
    (AWAITS, Row(BEFORE, 1, SOON), Wait(LATER, FORGIVEN)),
    (OURS, Row(BEFORE, 3, None), Wait(PAUSE, GRANTED)),
    (LOST, Row(BEFORE, 1, SOON), Wait(SOON)),
    (LOST, Row(BEFORE, 3, None), Park(DOUBT)),
    (LOST, Row(BEFORE, 3, None, held=True), Wait(PAUSE, GRANTED)),
    (LOST, Row(BEFORE, 1, SOON, held=True), Wait(PAUSE, GRANTED)),
    (KILLED, Row(BEFORE, 3, SOON, held=True), Park(DOUBT)),
]


def title(value: object) -> str:
    """For the test's id."""
    match value:
        case Row():
            left = "spent" if value.delay is None else "left"
            return f"{value.place.value}-{value.times}-{left}{'-held' if value.held else ''}"
        case _ if value is UNASKED:
            return "unasked"
        case None:
            return "silent"
    return type(value).__name__


@pytest.mark.parametrize(("answer", "attempt", "found", "expected"), ROWS, ids=title)
def test_what_follows_from_an_attempt(answer: Answer, attempt: Row, found: Any, expected: object) -> None:
    probe = Probe(YES if found is UNASKED else found)
    assert decide(answer, attempt, probe) == expected
    assert probe.asked == (0 if found is UNASKED else 1)


@pytest.mark.parametrize(("answer", "attempt", "found", "expected"), BEST_EFFORT_ROWS, ids=title)
def test_what_follows_from_an_attempt_of_best_effort(
    answer: Answer, attempt: Row, found: Any, expected: object
) -> None:
    probe = Probe(YES if found is UNASKED else found)
    assert decide_best_effort(answer, attempt, probe) == expected
    assert probe.asked == (0 if found is UNASKED else 1)


@pytest.mark.parametrize(("answer", "attempt", "expected"), UNDO_ROWS, ids=title)
def test_what_follows_from_an_attempt_to_undo(answer: Answer, attempt: Row, expected: object) -> None:
    assert decide_undo(answer, attempt) == expected


@pytest.mark.parametrize(
    ("found", "expected"), [(YES, GoForward("y")), (NOTHING, Record(None)), (SILENT, Park(DOUBT))], ids=title
)
def test_what_follows_when_a_pivot_in_doubt_is_undone(found: Found, expected: object) -> None:
    assert decide_doubtful_pivot(found) == expected


MOST = 10
ENDLESS, ONWARD = {"endless": True, "onward": False}, {"endless": False, "onward": True}
UNFIT = OurFailure(Unfit("not JSON"))
PERSON: list[tuple[Answer, Wait, dict[str, Any], bool, bool]] = [
    # answer, wait, failures, held → a person is asked
    (OURS, Wait(PAUSE, GRANTED), {"own": MOST}, False, True),
    (OURS, Wait(PAUSE, GRANTED), {"own": MOST - 1, **ENDLESS, "counted": MOST}, False, False),
    (UNFIT, Wait(PAUSE, GRANTED), {"own": 1}, False, True),
    (LOST, Wait(SOON), {"counted": MOST, **ENDLESS}, False, True),
    (LOST, Wait(SOON), {"counted": MOST - 1, **ENDLESS}, False, False),
    (LOST, Wait(SOON), {"counted": MOST, **ONWARD}, False, False),
    (LOST, Wait(PAUSE, GRANTED), {"counted": MOST, **ENDLESS}, True, False),
    (AWAY, Wait(LATER, FORGIVEN), {"forgiven": MOST, **ONWARD}, False, True),
    (AWAY, Wait(LATER, FORGIVEN), {"forgiven": MOST - 1, **ONWARD}, False, False),
    (AWAY, Wait(LATER, FORGIVEN), {"forgiven": MOST, **ENDLESS}, False, False),
    (AWAY, Wait(LATER, FORGIVEN), {"forgiven": MOST, **ONWARD}, True, False),
    (AWAITS, Wait(LATER, GRANTED), {"counted": MOST, "forgiven": MOST, "own": MOST, **ENDLESS}, False, False),
    (AWAITS, Wait(LATER, GRANTED), {"counted": MOST, "forgiven": MOST, "own": MOST, **ONWARD}, False, False),
]


@pytest.mark.parametrize(("answer", "wait", "failures", "held", "expected"), PERSON)
def test_when_a_person_is_asked_as_well(
    answer: Answer, wait: Wait, failures: dict[str, Any], held: bool, expected: bool
) -> None:
    counts = Failures(**{"counted": 0, "forgiven": 0, "own": 0, "endless": False, "onward": False, **failures})
    assert needs_person(answer, wait, Row(AFTER, 1, SOON, held=held), counts, MOST) is expected


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Refused("no"), Refusal),
        (RetryAfter(LATER), Later),
        (Awaits(LATER, "the customer"), Awaiting),
        (TimeoutError(), NoAnswer),
        (ValueError(), NoAnswer),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_an_exception_answers(error: Exception, answer: type[Answer]) -> None:
    assert isinstance(answers.answer_to(error, lambda _: False), answer)


def test_what_is_ours_is_no_answer() -> None:
    with pytest.raises(ConnectionError):
        answers.answer_to(ConnectionError(), lambda error: isinstance(error, ConnectionError))
    assert isinstance(answers.answer_to(Refused("no"), lambda _: True), Refusal), (
        "the business said no, whatever led to it"
    )
