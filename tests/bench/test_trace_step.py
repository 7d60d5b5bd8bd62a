"""One step of the happy path goes through few files: what `make trace-step` prints does not grow unnoticed."""

from __future__ import annotations

import pytest

from .trace_step import AROUND, MESSAGE, PLAIN, TELLS, trace_a_run

MOST = {MESSAGE: (26, 61), PLAIN: (12, 24), TELLS: (22, 46), AROUND: (8, 16)}
"""Files, and changes of file."""


@pytest.mark.django_db(transaction=True)
def test_a_step_goes_through_no_more_files_than_it_did() -> None:
    traces = trace_a_run()
    assert [trace.title for trace in traces] == list(MOST)
    for trace in traces:
        files, changes = MOST[trace.title]
        assert (len(trace.files) <= files, trace.changes <= changes) == (True, True), "\n".join(trace.lines())
