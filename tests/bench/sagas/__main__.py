"""`python -m config.local run -- python -m tests.bench.sagas`: measure, print the table, write the JSON.

Exit code 0 when every contender that was asked for was measured, whether or not the goals are met; else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.env import LOCAL_HOME
from tests.bench import machine
from tests.bench.before import HELP, Build, checkout
from tests.bench.chosen import some_of
from tests.bench.environments import python_of
from tests.bench.processes import ROOT
from tests.bench.report import write
from tests.bench.usage import Meter

from . import report
from .contenders import Contender, contenders
from .rounds import Bench
from .session import Load

NAMES = list(contenders(1, 1, Build(ROOT, "")))
GROWING = ("saga", "saga_message_per_step")


def main() -> int:
    asked = parser().parse_args()
    home = LOCAL_HOME / "bench"
    before = checkout(asked.before, home) if asked.before else None
    everyone = contenders(asked.concurrency, asked.slow_concurrency, before)
    chosen = [replace(one, wholly=one.wholly or asked.wholly) for name, one in everyone.items() if name in asked.only]
    about = machine.describe(os.environ, sorted({one.rival for one in chosen if one.rival}))
    meter = Meter(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    bench = Bench(chosen, load_of(asked), dict(os.environ), home, meter)
    machine.warn_if_busy(about)
    run(bench, everyone, asked)
    about["load_at_rounds"] = bench.turns.loads
    rivals = {one.rival for one in chosen if one.rival}
    about["rivals_python"] = {rival: python_of(bench.place.venvs / rival) for rival in sorted(rivals)}
    print(f"\n{report.REPORT.table(bench.summaries, bench.turns.failures)}\n\n{report.NOTE}", flush=True)
    plan = {name: value for name, value in vars(asked).items() if name != "out"} | plan_of(bench, before)
    document = report.document(bench.summaries, bench.turns.failures, about, plan)
    write(asked.out, json.dumps(document, indent=1) + "\n")
    return 1 if bench.turns.failures else 0


def run(bench: Bench, everyone: Mapping[str, Contender], asked: argparse.Namespace) -> None:
    """The comparison; where asked for, memory after many runs, and ours on a full database beside an empty one."""
    bench.prepare()
    if asked.trial_runs:
        bench.try_out()
    bench.rounds(asked.rounds)
    if asked.memory:
        bench.memory(everyone["saga"], asked.memory_runs)
    if asked.growth:
        bench.growth([everyone[name] for name in GROWING], asked.rounds, asked.history)


def load_of(asked: argparse.Namespace) -> Load:
    return Load(
        runs=asked.runs,
        idle_runs=asked.idle_runs,
        slow_runs=asked.slow_runs if asked.slow else 0,
        trial_runs=asked.trial_runs,
    )


def plan_of(bench: Bench, before: Build | None) -> dict[str, Any]:
    """Who was measured and how: with which concurrency, and what the others gave that were tried."""
    about = {
        one.name: f"{one.about}; {one.concurrency} a process, {one.slow_concurrency} if slow" for one in bench.chosen
    }
    tried = {name: found.shown() for name, found in bench.tried.items()}
    return {"contenders": about, "tried": tried, "before_commit": before.commit if before else None}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-sagas", description=__doc__)
    yes = argparse.BooleanOptionalAction
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender has its turn (5)")
    parser.add_argument("--runs", type=int, default=1_000, help="runs submitted at once, and as a backlog (1000)")
    parser.add_argument("--idle-runs", type=int, default=60, help="runs one at a time (60)")
    parser.add_argument("--slow-runs", type=int, default=500, help="slow runs submitted at once (500)")
    parser.add_argument(
        "--trial-runs", type=int, default=200, help="runs to choose a rival's concurrency by; 0: none (200)"
    )
    parser.add_argument("--before", metavar="REF", help=HELP)
    parser.add_argument("--only", type=some_of(NAMES), default=NAMES, help=f"contenders, by commas: {','.join(NAMES)}")
    parser.add_argument("--concurrency", type=int, default=8, help="threads of a Celery worker (8)")
    parser.add_argument("--slow-concurrency", type=int, default=32, help="the same for slow runs (32)")
    parser.add_argument("--slow", action=yes, default=True, help="measure slow runs too")
    parser.add_argument(
        "--wholly", action=yes, default=False, help="a backlog and slow runs of those without a goal, too"
    )
    parser.add_argument("--memory", action=yes, default=False, help="measure the memory of our workers after many runs")
    parser.add_argument("--memory-runs", type=int, default=20_000, help="how many; the first look is at 1/20 (20000)")
    parser.add_argument("--growth", action=yes, default=False, help="measure ours on a full database too")
    parser.add_argument("--history", type=int, default=1_000_000, help="finished runs in the full database (1000000)")
    parser.add_argument("--out", type=Path, default=LOCAL_HOME / "bench" / "sagas.json", help="the JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
