"""The saga bench's figures, goals and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench.report import Goal, Report, Summary, median_of

FIGURES = (
    "runs_per_s",
    "drain",
    "slow",
    "idle_p50_ms",
    "idle_p95_ms",
    "statements_per_step",
    "commits_per_step",
    "cpu_ms_per_run",
    "cpu_ms_own",
    "slow_cpu_ms_per_run",
    "slow_cpu_ms_own",
    "rss_mb",
)
"""`drain` and `slow` are runs a second, too: of a backlog, and of runs that wait. CPU is in ms a run: `..._per_run`
until the last run is seen finished, `..._own` with what follows it and without what an idle contender takes."""
SAGA, PER_STEP = "saga", "saga_message_per_step"
EMPTY, MILLION = "growth.empty", "growth.million"


def grown(state: str, name: str) -> str:
    """The name of a contender on a database in that state."""
    return state if name == SAGA else f"{state}.{name}"


def growth_goals() -> tuple[Goal, ...]:
    """Every figure on a full database to that on an empty one; the inverse of those that shall be small."""
    rates = {"runs_per_s": "runs/s", "drain": "drain", "slow": "slow runs/s"}
    prices = {"cpu_ms_own": "CPU ms a run", "idle_p50_ms": "idle p50"}
    title = "a million finished runs and published rows to none"
    inverse = "none to a million finished runs and published rows"
    full, none = grown(MILLION, PER_STEP), grown(EMPTY, PER_STEP)
    return (
        *(Goal(f"{title}, {words}", f"{MILLION}.{name}", f"{EMPTY}.{name}", 0.9) for name, words in rates.items()),
        Goal(f"{title}, one message a step", f"{full}.runs_per_s", f"{none}.runs_per_s", 0.9),
        *(Goal(f"{inverse}, {words}", f"{EMPTY}.{name}", f"{MILLION}.{name}", 0.9) for name, words in prices.items()),
    )


GOALS = (
    Goal("runs/s, events, relay and Flower on, to absurd", "saga.runs_per_s", "absurd.runs_per_s", 1.6),
    Goal("the same to DBOS queued", "saga.runs_per_s", "dbos_queued.runs_per_s", 4.0),
    Goal("CPU ms a run to absurd", "saga.cpu_ms_own", "absurd.cpu_ms_own", 0.75, at_least=False),
    Goal("runs/s to the build before, side by side", "saga.runs_per_s", "saga_before.runs_per_s", 2.0),
    Goal("drain to absurd", "saga.drain", "absurd.drain", 2.5),
    Goal("slow runs/s (3 × 50 ms, 500 at once) to absurd", "saga.slow", "absurd.slow", 1.2),
    Goal("idle p50 to absurd", "saga.idle_p50_ms", "absurd.idle_p50_ms", 0.65, at_least=False),
    Goal("one message a step to DBOS queued", f"{PER_STEP}.runs_per_s", "dbos_queued.runs_per_s", 1.25),
    Goal(
        "memory of a worker after 20,000 runs to after 1,000",
        "memory.late.rss_mb",
        "memory.early.rss_mb",
        1.05,
        at_least=False,
    ),
    *growth_goals(),
)
NOTE = """
Ours also writes an event a step, relays it, keeps attempts and a timeline, and tells Flower; its relay and beat are two
processes whose CPU counts as its own. Its relay's mark commits with synchronous_commit off (a mark that is lost is made
again); all else, and all that the rivals commit, waits for the disk. absurd's rate hangs on the disk, since a process
of its has one connection: CPU stands beside it. Oban's run is five jobs; one whose process dies may be done twice.
""".strip()
REPORT = Report(FIGURES, GOALS)


def document(
    summaries: Mapping[str, Summary], failures: Mapping[str, str], machine: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written as JSON. `growth` holds ours on both databases, `memory` both looks, each with their ratio."""
    apart = ("growth.", "memory.")
    contenders = {name: summary for name, summary in summaries.items() if not name.startswith(apart)}
    grown = {name.removeprefix("growth."): one for name, one in summaries.items() if name.startswith("growth.")}
    looks = {
        name.removeprefix("memory."): {"rss_mb": one["rss_mb"]}
        for name, one in summaries.items()
        if name.startswith("memory.")
    }
    shown = {
        **with_ratio("growth", grown, "million", "empty"),
        **with_ratio("memory", looks, "late", "early"),
    }
    rest = {"ratios": REPORT.ratios(summaries), "failures": dict(failures), "machine": dict(machine)}
    return {**contenders, **shown, **rest, "plan": dict(plan), "note": NOTE}


def with_ratio(title: str, several: Mapping[str, Summary], over: str, under: str) -> dict[str, Any]:
    """The summaries under their title, with one's figures to the other's; nothing where nothing was measured."""
    if not several:
        return {}
    both = over in several and under in several
    ratio = {"ratio": {figure: ratio_of(several, over, under, figure) for figure in several[over]}} if both else {}
    return {title: {**several, **ratio}}


def ratio_of(several: Mapping[str, Summary], over: str, under: str, figure: str) -> float | None:
    one, other = median_of(several, f"{over}.{figure}"), median_of(several, f"{under}.{figure}")
    return round(one / other, 3) if one is not None and other else None
