"""From the rounds' figures to medians, goals, a table and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIGURES = (
    "runs_per_s",
    "idle_p50_ms",
    "idle_p95_ms",
    "statements_per_step",
    "commits_per_step",
    "cpu_ms_per_run",
    "slow",
)
Spread = dict[str, float]
Summary = dict[str, Spread | None]


@dataclass(frozen=True)
class Goal:
    """A ratio of two medians, each named `contender.figure`, that shall be at least, or at most, `bound`."""

    name: str
    over: str
    under: str
    bound: float
    at_least: bool = True

    def judge(self, summaries: Mapping[str, Summary]) -> dict[str, Any]:
        """The ratio and whether the goal is met; both None when one side was not measured."""
        over, under = median_of(summaries, self.over), median_of(summaries, self.under)
        ratio = round(over / under, 3) if over is not None and under else None
        met = None if ratio is None else ratio >= self.bound if self.at_least else ratio <= self.bound
        return {"goal": f"{'at least' if self.at_least else 'at most'} {self.bound:g}", "ratio": ratio, "met": met}


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


def summarise(rounds: Sequence[Mapping[str, float | None]]) -> Summary:
    """Median, least and greatest of each figure over the rounds; None for one that has no value."""
    return {name: spread(measured.get(name) for measured in rounds) for name in FIGURES}


def spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    figures = {"median": statistics.median(known), "min": min(known), "max": max(known)}
    return {name: round(figure, 3) for name, figure in figures.items()}


def median_of(summaries: Mapping[str, Summary], path: str) -> float | None:
    """The median of `contender.figure`; None when it was not measured."""
    contender, _, figure = path.rpartition(".")
    found = summaries.get(contender, {}).get(figure)
    return None if found is None else found["median"]


def ratios(summaries: Mapping[str, Summary]) -> dict[str, dict[str, Any]]:
    return {goal.name: goal.judge(summaries) for goal in GOALS}


def table(summaries: Mapping[str, Summary], failures: Mapping[str, str]) -> str:
    """One row a contender, `median (min-max)`; below, why one is missing, and the goals."""
    rows = [["", *FIGURES]]
    rows += [[name, *(cell(summary[figure]) for figure in FIGURES)] for name, summary in summaries.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += ["", *(f"{name} failed: {why}" for name, why in failures.items())]
    lines += [f"{name}: {verdict(judged)}" for name, judged in ratios(summaries).items()]
    return "\n".join(lines)


def cell(found: Spread | None) -> str:
    if found is None:
        return "-"
    return f"{found['median']:.4g} ({found['min']:.4g}-{found['max']:.4g})"


def verdict(judged: Mapping[str, Any]) -> str:
    if judged["met"] is None:
        return f"not measured ({judged['goal']})"
    return f"{judged['ratio']:.2f} ({judged['goal']}): {'met' if judged['met'] else 'MISSED'}"


def document(
    summaries: Mapping[str, Summary], failures: Mapping[str, str], machine: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written as JSON. `growth` holds both databases and their ratio, when they were measured."""
    contenders = {name: summary for name, summary in summaries.items() if not name.startswith("growth.")}
    grown = {name.removeprefix("growth."): one for name, one in summaries.items() if name.startswith("growth.")}
    if len(grown) > 1:
        grown["ratio"] = {figure: growth_ratio(grown, figure) for figure in FIGURES}  # type: ignore[misc]
    shown = {"growth": grown} if grown else {}
    rest = {"ratios": ratios(summaries), "failures": dict(failures), "machine": dict(machine), "plan": dict(plan)}
    return {**contenders, **shown, **rest}


def growth_ratio(grown: Mapping[str, Summary], figure: str) -> float | None:
    million, empty = median_of(grown, f"million.{figure}"), median_of(grown, f"empty.{figure}")
    return round(million / empty, 3) if million is not None and empty else None
