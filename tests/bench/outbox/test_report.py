"""The outbox bench's goals and its JSON; nothing here measures."""

from __future__ import annotations

import json

import pytest

from tests.bench.before import Build
from tests.bench.outbox import report
from tests.bench.outbox.contenders import contenders, grown
from tests.bench.outbox.report import REPORT
from tests.bench.processes import ROOT

OURS = {"rows_per_s": 20_000.0, "idle_p50_ms": 2.0, "idle_p99_ms": 60.0}


def summaries(**rounds):
    return {name: REPORT.summarise([figures]) for name, figures in rounds.items()}


def test_the_relay_is_compared_with_the_best_of_the_peers_and_with_the_bare_loop():
    peers = {"django_reliable_outbox": 600.0, "faststream_outbox": 4_000.0, "bare_loop": 50_000.0}
    found = summaries(relay_streams=OURS, **{name: {"rows_per_s": speed} for name, speed in peers.items()})
    judged = REPORT.ratios(found)
    assert judged["relay to the best Python peer, rows a second"] == {"goal": "at least 5", "ratio": 5.0, "met": True}
    assert judged["relay to Streams, to the bare loop"] == {"goal": "at least 0.65", "ratio": 0.4, "met": False}


def test_the_time_to_arrival_is_judged_in_milliseconds():
    judged = REPORT.ratios(summaries(relay_streams=OURS))
    assert judged["commit to arrival at 100 events a second, p50 in ms"]["met"] is True
    assert judged["commit to arrival at 100 events a second, p99 in ms"]["met"] is False


def test_the_json_has_the_compared_contenders_under_their_names_and_the_rest_apart():
    found = summaries(
        relay_streams=OURS, bare_loop=OURS, **{name: {"rows_per_s": 1.0} for name in ("relays_2.keys_0", "extra")}
    )
    document = json.loads(json.dumps(report.document(found, {"faststream_outbox": "why"}, {"cores": 2}, {"rounds": 1})))
    assert set(document) == {
        *("relay_streams", "bare_loop", "idle_p50_ms", "idle_p99_ms", "variants"),
        *("ratios", "failures", "machine", "plan", "note"),
    }
    assert document["relay_streams"]["rows_per_s"] == {
        "median": 20_000.0,
        "min": 20_000.0,
        "max": 20_000.0,
        "samples": [20_000.0],
    }
    assert document["idle_p50_ms"] == document["relay_streams"]["idle_p50_ms"]
    assert set(document["variants"]) == {"relays_2.keys_0", "extra"}
    assert document["failures"] == {"faststream_outbox": "why"}


def test_a_full_history_is_compared_variant_by_variant():
    found = summaries(
        **{
            "growth.empty.relays_1.keys_0": {"rows_per_s": 100.0},
            "growth.million.relays_1.keys_0": {"rows_per_s": 80.0},
            "growth.million.relays_2.keys_0": {"rows_per_s": 80.0},
        }
    )
    growth = report.document(found, {}, {}, {})["growth"]
    assert growth["ratio"]["relays_1.keys_0"] == {"rows_per_s": pytest.approx(0.8)}
    assert growth["ratio"]["relays_2.keys_0"] == {}
    assert REPORT.ratios(found)["a million published rows to none, relay to Streams"]["met"] is False


def test_every_goal_is_over_contenders_that_there_are():
    names = {one.name for prefix in ("growth.empty.", "growth.million.") for one in grown(prefix)}
    names |= set(contenders(Build(ROOT, "")))
    for goal in report.GOALS:
        unders = (goal.under,) if isinstance(goal.under, str) else goal.under
        for path in (goal.over, *filter(None, unders)):
            assert path.rpartition(".")[0] in names
            assert path.rpartition(".")[2] in report.FIGURES
