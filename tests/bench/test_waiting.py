"""What does not get done is an error, and what goes on is waited for."""

from __future__ import annotations

import pytest

from tests.bench import waiting
from tests.bench.errors import BenchError


def test_what_does_not_get_done_is_an_error_that_counts(monkeypatch):
    monkeypatch.setattr(waiting, "PATIENCE", 0.01)
    with pytest.raises(BenchError, match=r"Not all runs finished: 53 of 300, and none in the last 0.01 s\."):
        waiting.until(lambda: 3, 250, 0.001, lambda: None, "Not all runs finished", before=50)


def test_what_goes_on_being_done_is_waited_for(monkeypatch):
    monkeypatch.setattr(waiting, "PATIENCE", 5)
    counts = iter(range(100))
    waiting.until(lambda: next(counts), 50, 0, lambda: None, "Not all runs finished")
    assert next(counts) == 51


def test_a_process_that_ended_is_noticed_while_waiting():
    def alive():
        raise BenchError("worker-0 ended")

    with pytest.raises(BenchError, match="worker-0 ended"):
        waiting.until(lambda: 0, 1, 0, alive, "Not all runs finished")
