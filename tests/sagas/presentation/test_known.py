"""What is known of a run's steps, and what is in doubt."""

from __future__ import annotations

import pytest

from sagas.models import Step
from sagas.presentation.known import HAPPENED, IN_DOUBT, NOT_BEGUN, NOT_UNDONE, UNDONE, known_of

ASKED = {"attempts": 2}


@pytest.mark.parametrize(
    ("status", "fields", "badge"),
    [
        ("pending", {}, NOT_BEGUN),
        ("running", ASKED, IN_DOUBT),
        ("waiting", ASKED, IN_DOUBT),
        ("waiting", {"attempts": 2, "forgiven": 2}, NOT_BEGUN),
        ("done", ASKED, HAPPENED),
        ("done", {}, HAPPENED),
        ("refused", {"attempts": 1}, NOT_BEGUN),
        ("refused", ASKED, IN_DOUBT),
        ("in_doubt", ASKED, IN_DOUBT),
        ("undo_due", ASKED, NOT_UNDONE),
        ("undoing", ASKED, NOT_UNDONE),
        ("undo_waiting", ASKED, NOT_UNDONE),
        ("undo_failed", ASKED, NOT_UNDONE),
        ("undone", ASKED, UNDONE),
    ],
)
def test_a_step_is_told_by_what_its_row_says(status, fields, badge):
    (known,) = known_of([Step(name="pay", status=status, **fields)])
    assert known.badge is badge
    assert known.steps == ["Pay"]


def test_what_is_in_doubt_comes_first_and_each_step_once_in_order():
    steps = [
        Step(name="pay", status="done"),
        Step(name="pack", status="done"),
        Step(name="send", status="in_doubt", attempts=1),
    ]
    assert [(one.badge, one.steps) for one in known_of(steps)] == [(IN_DOUBT, ["Send"]), (HAPPENED, ["Pay", "Pack"])]
