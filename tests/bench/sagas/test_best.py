"""A rival is measured with the best of the concurrencies that were tried; nothing here measures."""

from __future__ import annotations

from tests.bench.sagas.best import Tried
from tests.bench.sagas.contenders import contenders

ABSURD = contenders(8, 32)["absurd"]


def test_the_best_is_chosen_for_each_load():
    arranged = Tried(quick={16: 90.0, 32: 200.0, 64: 120.0}, slow={16: 99.0, 32: 50.0}).arranged(ABSURD)
    assert (arranged.concurrency, arranged.when_slow().concurrency) == (32, 16)


def test_what_was_not_tried_stays():
    arranged = Tried(quick={64: 1.0}).arranged(ABSURD)
    assert (arranged.concurrency, arranged.slow_concurrency) == (64, ABSURD.slow_concurrency)


def test_the_report_says_what_each_gave():
    assert Tried(quick={16: 90.04}).shown() == {"runs_per_s": {"16": 90.0}, "slow": {}}


def test_each_rival_has_three_to_choose_from():
    rivals = [one for one in contenders(8, 32).values() if one.rival]
    assert len(rivals) == 4
    assert {len(set(one.tried)) for one in rivals} == {3}
