"""The saga bench's figures, goals and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench.report import Goal, Report, Summary, median_of

FIGURES = (
    "runs_per_s",
    "idle_p50_ms",
    "idle_p95_ms",
    "statements_per_step",
    "commits_per_step",
    "cpu_ms_per_run",
    "slow",
)
GOALS = (
    Goal("saga to absurd, runs a second", "saga.runs_per_s", "absurd.runs_per_s", 1.25),
    Goal("saga to DBOS queued, runs a second", "saga.runs_per_s", "dbos_queued.runs_per_s", 3.0),
    Goal(
        "message per step to DBOS queued, runs a second",
        "saga_message_per_step.runs_per_s",
        "dbos_queued.runs_per_s",
        1.5,
    ),
    Goal("saga to absurd, idle p50", "saga.idle_p50_ms", "absurd.idle_p50_ms", 1.0, at_least=False),
    Goal("saga to absurd, slow runs a second", "saga.slow", "absurd.slow", 1.25),
    Goal("a million runs to none, runs a second", "growth.million.runs_per_s", "growth.empty.runs_per_s", 0.9),
    Goal(
        "a million runs to none, idle p50",
        "growth.million.idle_p50_ms",
        "growth.empty.idle_p50_ms",
        1.1,
        at_least=False,
    ),
)
REPORT = Report(FIGURES, GOALS)


def document(
    summaries: Mapping[str, Summary], failures: Mapping[str, str], machine: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written as JSON. `growth` holds both databases and their ratio, when they were measured."""
    contenders = {name: summary for name, summary in summaries.items() if not name.startswith("growth.")}
    grown = {name.removeprefix("growth."): one for name, one in summaries.items() if name.startswith("growth.")}
    if len(grown) > 1:
        grown["ratio"] = {figure: growth_ratio(grown, figure) for figure in FIGURES}  # type: ignore[misc]
    shown = {"growth": grown} if grown else {}
    rest = {"ratios": REPORT.ratios(summaries), "failures": dict(failures), "machine": dict(machine)}
    return {**contenders, **shown, **rest, "plan": dict(plan)}


def growth_ratio(grown: Mapping[str, Summary], figure: str) -> float | None:
    million, empty = median_of(grown, f"million.{figure}"), median_of(grown, f"empty.{figure}")
    return round(million / empty, 3) if million is not None and empty else None
