"""When a job is met, and how it is printed; nothing here starts a shop."""

from __future__ import annotations

import pytest

from tests.bench.desk.__main__ import Took
from tests.bench.desk.jobs import JOBS

JOB = JOBS[0]


@pytest.mark.parametrize(
    ("clicks", "seconds", "failed", "is_met"),
    [
        ((4,), 20.0, "", True),
        ((4, 4), 8.0, "", True),
        ((5,), 8.0, "", False),
        ((2, 5), 8.0, "", False),
        ((4,), 20.1, "", False),
        ((1,), 8.0, "It was not there.", False),
    ],
)
def test_each_person_has_four_clicks_and_all_have_twenty_seconds(clicks, seconds, failed, is_met):
    assert Took(JOB, clicks, seconds, "", failed).is_met is is_met


def test_a_line_says_what_a_job_took_and_why_it_failed():
    assert str(Took(JOB, (4, 4), 8.04, "")) == f"met        4+4      8.0  {JOB.title}"
    missed = str(Took(JOB, (2,), 60.0, "noted", "It was not there."))
    assert missed == f"MISSED       2     60.0  {JOB.title} (noted; It was not there.)"
