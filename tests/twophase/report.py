"""From the rounds' figures to a table with a column a contender, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.report import Report, Spread, Summary, cell, plain

from .session import Load


@dataclass(frozen=True)
class Row:
    """A figure; `ratio` says whether the saga's is compared with the better of the two commits."""

    figure: str
    title: str
    ratio: bool = False
    more_is_better: bool = False


BY_HAND = {
    "after the kill, somebody must": (
        "start the coordinator again, with its log",
        "nothing: the lease ends, the sweep gives the step to another worker",
    ),
    "when the log is lost": (
        "nobody can decide; a person compares the databases, transaction by transaction",
        "there is none: the saga's state is in the shop's database",
    ),
}
"""What the one and the other way asks of people."""


def rows(load: Load) -> list[Row]:
    return [
        Row("one_order_ms", "one order alone, ms", ratio=True),
        Row("many_per_s", f"orders/s, {load.orders} at once, each another product", ratio=True, more_is_better=True),
        Row("hot_per_s", f"orders/s, {load.orders} at once, one product", ratio=True, more_is_better=True),
        Row("in_doubt", "**killed:** transactions left in doubt"),
        Row("locks_held", "locks they held (pg_locks)"),
        Row("rows_locked", "stock rows locked for more than 1 s"),
        Row("row_locked_s", "longest lock on a stock row, s", ratio=True),
        Row("sessions_waiting", "sessions waiting for a lock, at most"),
        Row("hot_done", f"orders of that product done in the outage of {load.outage:g} s, of {load.hot}"),
        Row("hot_wait_s", "slowest of them, s", ratio=True),
        Row("other_done", f"orders of other products done in the outage, of {load.other}"),
        Row("other_wait_s", "slowest of them, s", ratio=True),
        Row("resolved_s", "nothing in doubt any more, s after the restart"),
        Row("killed_done_s", "the killed order done, s after the kill", ratio=True),
        Row("lost_log_in_doubt", "**log lost:** still in doubt 3 s after the restart, of 1"),
        Row("lost_log_hot_done", "orders of that product done by then, of 1"),
    ]


def report(load: Load) -> Report:
    """Medians over the rounds."""
    return Report(tuple(row.figure for row in rows(load)), ())


def table(summaries: Mapping[str, Summary], load: Load) -> list[list[str]]:
    """Cells: a heading, then a line a figure, `median (min-max)`; at the right the best 2PC to the saga."""
    lines = [["", *map(heading, summaries), "best 2PC to saga"]]
    for row in rows(load):
        found = [summary[row.figure] for summary in summaries.values()]
        lines.append([row.title, *map(shown, found), ratio(row, summaries)])
    for title, (two_phase, saga) in BY_HAND.items():
        lines.append([title, *(saga if name == "saga" else two_phase for name in summaries), ""])
    return lines


def ratio(row: Row, summaries: Mapping[str, Summary]) -> str:
    """The best commit's median to the saga's; empty where one is missing or the saga's is 0."""
    commits = [spread for name, one in summaries.items() if name != "saga" and (spread := one[row.figure])]
    saga = summaries.get("saga", {}).get(row.figure)
    if not row.ratio or not commits or not saga or not saga["median"]:
        return ""
    best = (max if row.more_is_better else min)(float(one["median"]) for one in commits)
    return f"{best / float(saga['median']):.2f}"


def heading(name: str) -> str:
    return name.replace("2pc_", "2PC, ").replace("_", " ")


def shown(found: Spread | None) -> str:
    """The figure alone when it was the same in all rounds."""
    return plain(found["median"]) if found and found["min"] == found["max"] else cell(found)


def text(lines: Sequence[Sequence[str]]) -> str:
    """For a terminal: figures in columns, what people must do below."""
    figures = [[word.replace("**", "") for word in line] for line in lines if line[0] not in BY_HAND]
    widths = [max(len(line[column]) for line in figures) for column in range(len(lines[0]))]
    columns = [
        "  ".join(word.ljust(wide) for word, wide in zip(line, widths, strict=True)).rstrip() for line in figures
    ]
    told = [f"{title}: 2PC: {two_phase}. Saga: {saga}." for title, (two_phase, saga) in BY_HAND.items()]
    return "\n".join([*columns, "", *told])


def markdown(lines: Sequence[Sequence[str]], about: Mapping[str, Any], rounds: int) -> str:
    """The table, with a sentence on what it was measured on."""
    top, *rest = lines
    ruled = [top, ["---"] * len(top), *rest]
    loads = ", ".join(plain(one) for one in about["load_at_rounds"])
    measured_on = (
        f"Median of {rounds} alternating rounds (least-greatest). {about['cores']} cores, {about['cpu']}, "
        f"load {loads}; PostgreSQL {about['versions']['postgresql']}, Python {about['python']}; two processes of "
        f"{about['threads']} threads for each contender; locks were looked at every 20 ms, and a shorter one is 0."
    )
    return "\n".join([*("| " + " | ".join(line) + " |" for line in ruled), "", measured_on, ""])
