"""The arithmetic of waiting, and that events are written in turn; nothing here measures."""

from __future__ import annotations

import time

import pytest

from tests.bench.outbox import writer
from tests.bench.outbox.latency import percentile


@pytest.mark.parametrize(("share", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_the_least_value_that_so_many_are_not_above(share, expected):
    assert percentile(reversed(range(1, 101)), share) == expected


def test_the_99th_percentile_of_a_few_is_the_greatest():
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([3.0], 50) == 3.0


def test_an_event_is_written_at_its_turn_and_at_once_when_that_has_passed(monkeypatch):
    waited: list[float] = []
    monkeypatch.setattr("tests.bench.outbox.writer.time.sleep", waited.append)
    begun = time.monotonic() - 1.0
    written = writer.write_part(lambda number: float(number), range(0, 300, 100), first=1000, begun=begun, rate=100)
    assert written == [(1000, 1000.0), (1100, 1100.0), (1200, 1200.0)]
    assert waited[:2] == [0.0, 0.0]
    assert 0.0 < waited[2] <= 1.0
