"""This bench's figures and goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.report import Goal, Report, Summary

from .contenders import IDLE, IN_A_ROW, SIDE_BY_SIDE, WAITING

FIGURES = ("one_s", "burst_s", "cpu_ms_per_run", "idle_cpu_s", "idle_statements", "items_s", "cpu_ms_per_item")
"""Seconds of a single run, and of many at once; CPU without what an idle system takes. `idle_...`: over the stretch
for which an idle system is watched, of workers, relay, beat and PostgreSQL."""


@dataclass(frozen=True)
class WithinSpread(Goal):
    """A median that is no more than the greatest of those that it is compared with."""

    def _under(self, summaries: Mapping[str, Summary]) -> float | None:
        assert isinstance(self.under, str)
        contender, _, figure = self.under.rpartition(".")
        found = summaries.get(contender, {}).get(figure)
        return None if found is None else float(found["max"])


GOALS = (
    Goal("one run side by side to in a row", f"{SIDE_BY_SIDE}.one_s", f"{IN_A_ROW}.one_s", 0.6, at_least=False),
    Goal("many at once, the same", f"{SIDE_BY_SIDE}.burst_s", f"{IN_A_ROW}.burst_s", 1.0, at_least=False),
    WithinSpread(
        "CPU with runs that wait to the dearest round without",
        f"{WAITING}.idle_cpu_s",
        f"{IDLE}.idle_cpu_s",
        1.0,
        at_least=False,
    ),
)
REPORT = Report(FIGURES, GOALS)


def document(
    summaries: Mapping[str, Summary], failures: Mapping[str, str], machine: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written as JSON."""
    judged = {"ratios": REPORT.ratios(summaries), "failures": dict(failures)}
    return {**summaries, **judged, "machine": dict(machine), "plan": dict(plan)}
