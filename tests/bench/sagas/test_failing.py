"""A contender that fails is named with its reason, and the others go on."""

from __future__ import annotations

from typing import cast

import pytest

from tests.bench.errors import BenchError
from tests.bench.sagas import rounds
from tests.bench.sagas.contenders import contenders
from tests.bench.sagas.session import Load
from tests.bench.usage import Meter


@pytest.fixture
def bench(tmp_path):
    chosen = [one for one in contenders(2, 2).values() if one.name in ("absurd", "celery_bare")]
    environment = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}
    return rounds.Bench(chosen, Load(), environment, tmp_path, cast(Meter, None))  # nothing is metered here


def test_a_contender_that_fails_is_left_out_and_the_others_are_measured(bench, monkeypatch):
    def measure(contender, *_):
        if contender.name == "absurd":
            raise BenchError("Not all runs finished: 1 of 2.")
        return {"runs_per_s": 5.0}

    monkeypatch.setattr(rounds, "measure", measure)
    bench.rounds(2)
    assert bench.turns.failures == {"absurd": "Not all runs finished: 1 of 2."}
    assert bench.summaries["celery_bare"]["runs_per_s"] == {
        "median": 5.0,
        "min": 5.0,
        "max": 5.0,
        "samples": [5.0, 5.0],
    }
