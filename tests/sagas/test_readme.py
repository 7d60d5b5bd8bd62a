"""What the guide lists is what there is. Its code is run by `tests/lift`."""

from __future__ import annotations

import re

import pytest

from sagas.engine.decide import Cost, Failures, Park, Place, Record, Undo, Wait, decide, decide_undo, needs_person
from sagas.participants.answers import Answer, Done
from sagas.testing import GAPS
from tests.support.workers import ROOT

from .engine.test_decide import (
    DOUBT,
    ENDLESS,
    KILLED,
    LOST,
    MOST,
    NO,
    NOTHING,
    OURS,
    REFUSED,
    SILENT,
    SOON,
    UNFIT,
    YES,
    Probe,
    Row,
)

GUIDE = (ROOT / "sagas" / "README.md").read_text()
BEFORE, PIVOT, AFTER = Place


def test_the_guide_lists_every_gap():
    for name, sentence in GAPS.items():
        assert f"| `{name}` | {sentence} |" in GUIDE


def rows_of(heading: str) -> dict[str, str]:
    """The two columns of the table with that heading."""
    _, _, table = GUIDE.partition(f"| {heading} |\n| --- | --- |\n")
    lines = table.partition("\n\n")[0].splitlines()
    return {left.strip(): right.strip() for left, right in (line.strip("|").split(" | ") for line in lines)}


FOLLOWS = rows_of("what happened | what follows")
ATTEMPTS: dict[str, list[tuple[Answer, Row]]] = {
    "refused before the pivot, or at it": [(NO, Row(BEFORE, 1, SOON)), (NO, Row(PIVOT, 1, SOON))],
    "budget spent before the pivot": [(LOST, Row(BEFORE, 3, None)), (KILLED, Row(BEFORE, 3, None))],
    "budget spent at the pivot, or refused after a lost answer": [
        (LOST, Row(PIVOT, 3, None)),
        (KILLED, Row(PIVOT, 3, None)),
        (NO, Row(PIVOT, 2, SOON)),
    ],
    "refused after the pivot": [(NO, Row(AFTER, 1, SOON))],
}
"""The rows about an attempt of a step: the attempts that each is about."""
OTHERS = {
    "an undo refused, or its budget spent",
    "a step that is tried until it is done has failed ten times (`SAGAS_ASK_AFTER`)",
    "a hook, your database or your own read fails; a result cannot be kept as JSON",
    "cancelled, or deadline passed",
}
"""The last one is no attempt's: see `test_engine.py`."""


def test_each_row_of_what_follows_is_held_against_the_rule():
    assert set(FOLLOWS) == set(ATTEMPTS) | OTHERS


@pytest.mark.parametrize(
    ("happened", "answer", "attempt"), [(row, *one) for row, attempts in ATTEMPTS.items() for one in attempts]
)
def test_what_follows_is_what_the_guide_says(happened: str, answer: Answer, attempt: Row) -> None:
    follows, probe = FOLLOWS[happened], Probe(SILENT)
    decision = decide(answer, attempt, probe)
    assert isinstance(decision, Undo) == bool(re.search(r"\bundo\b", follows))
    assert isinstance(decision, Park) == ("**stuck**" in follows)
    assert probe.asked == follows.startswith("the probe")
    if probe.asked:
        assert decide(answer, attempt, Probe(YES)) == Record(YES.result)
        assert ("the step in doubt included" in follows) == (decision == Undo(DOUBT))
    else:
        assert decision in (Undo(REFUSED), Park(REFUSED))


def test_an_undo_that_fails_for_good_is_stuck():
    assert FOLLOWS["an undo refused, or its budget spent"].startswith("**stuck**")
    for answer in (NO, LOST, KILLED):
        assert isinstance(decide_undo(answer, Row(BEFORE, 3, None)), Park)


def test_a_step_that_is_tried_until_it_is_done_needs_a_person_and_is_still_tried():
    row = "a step that is tried until it is done has failed ten times (`SAGAS_ASK_AFTER`)"
    assert FOLLOWS[row].startswith("**needs a person, and is still tried**")
    attempt = Row(AFTER, MOST, SOON)
    wait = decide(LOST, attempt, Probe(NOTHING))
    assert isinstance(wait, Wait)
    assert wait == Wait(SOON)
    assert needs_person(LOST, wait, attempt, Failures(counted=MOST, forgiven=0, own=0, **ENDLESS), MOST)


def test_a_failure_of_our_own_spends_nothing_and_turns_nothing():
    row = "a hook, your database or your own read fails; a result cannot be kept as JSON"
    assert "no attempt spent, nothing turned" in FOLLOWS[row]
    for place in Place:
        attempt = Row(place, 1, None)
        for answer, own in ((OURS, MOST), (UNFIT, 1)):  # a result that cannot be kept: at once
            wait = decide(answer, attempt, Probe(YES))
            assert isinstance(wait, Wait)
            assert wait.cost is Cost.GRANTED
            assert needs_person(answer, wait, attempt, Failures(0, 0, own, endless=False, onward=False), MOST)


def test_what_is_done_is_recorded():
    assert decide(Done(1), Row(BEFORE, 1, SOON), Probe(SILENT)) == Record(1)
