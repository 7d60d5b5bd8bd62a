"""From the rounds' figures to medians, goals, a table and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Figures = dict[str, float | None]
Spread = dict[str, Any]
"""`median`, `min` and `max` of a figure, and the `samples` they are of, a round each."""
Summary = dict[str, Spread | None]


@dataclass(frozen=True)
class Goal:
    """A ratio of two medians, each named `contender.figure`, that shall be at least, or at most, `bound`.

    With several names under it the greatest of those measured counts; with none the median itself is judged.
    """

    name: str
    over: str
    under: str | tuple[str, ...]
    bound: float
    at_least: bool = True

    def judge(self, summaries: Mapping[str, Summary]) -> dict[str, Any]:
        """The ratio and whether the goal is met; both None when one side was not measured."""
        over, under = median_of(summaries, self.over), self._under(summaries)
        ratio = round(over / under, 3) if over is not None and under else None
        met = None if ratio is None else ratio >= self.bound if self.at_least else ratio <= self.bound
        return {"goal": f"{'at least' if self.at_least else 'at most'} {self.bound:g}", "ratio": ratio, "met": met}

    def _under(self, summaries: Mapping[str, Summary]) -> float | None:
        if not self.under:
            return 1.0
        names = (self.under,) if isinstance(self.under, str) else self.under
        return max((found for name in names if (found := median_of(summaries, name)) is not None), default=None)


@dataclass(frozen=True)
class Report:
    """What a bench tells: the columns of its table, and its goals."""

    figures: tuple[str, ...]
    goals: tuple[Goal, ...]

    def summarise(self, rounds: Sequence[Mapping[str, float | None]]) -> Summary:
        """Median, least and greatest of each figure over the rounds; None for one that has no value."""
        return {name: spread(measured.get(name) for measured in rounds) for name in self.figures}

    def ratios(self, summaries: Mapping[str, Summary]) -> dict[str, dict[str, Any]]:
        return {goal.name: goal.judge(summaries) for goal in self.goals}

    def table(self, summaries: Mapping[str, Summary], failures: Mapping[str, str]) -> str:
        """One row a contender, `median (min-max)`; below, why one is missing, and the goals. No column is empty."""
        figures = [one for one in self.figures if any(summary[one] for summary in summaries.values())]
        rows = [["", *figures]]
        rows += [[name, *(cell(summary[figure]) for figure in figures)] for name, summary in summaries.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += ["", *(f"{name} failed: {why}" for name, why in failures.items())]
        lines += [f"{name}: {verdict(judged)}" for name, judged in self.ratios(summaries).items()]
        return "\n".join(lines)


def write(path: Path, text: str) -> None:
    """Write a file of the bench, and say where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(f"Written to {path}.", flush=True)


def spread(values: Iterable[float | None]) -> Spread | None:
    known = [round(value, 3) for value in values if value is not None]
    if not known:
        return None
    median = round(statistics.median(known), 3)
    return {"median": median, "min": min(known), "max": max(known), "samples": known}


def median_of(summaries: Mapping[str, Summary], path: str) -> float | None:
    """The median of `contender.figure`; None when it was not measured."""
    contender, _, figure = path.rpartition(".")
    found = summaries.get(contender, {}).get(figure)
    return None if found is None else float(found["median"])


def cell(found: Spread | None) -> str:
    if found is None:
        return "-"
    return f"{plain(found['median'])} ({plain(found['min'])}-{plain(found['max'])})"


def plain(figure: float) -> str:
    """Four digits, more only before the point: never an exponent."""
    return f"{figure:.0f}" if abs(figure) >= 1000 else f"{figure:.4g}"


def verdict(judged: Mapping[str, Any]) -> str:
    if judged["met"] is None:
        return f"not measured ({judged['goal']})"
    return f"{judged['ratio']:.2f} ({judged['goal']}): {'met' if judged['met'] else 'MISSED'}"
