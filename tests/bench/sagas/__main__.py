"""`python -m config.local run -- python -m tests.bench.sagas`: measure, print the table, write the JSON.

Exit code 0 when every contender that was asked for was measured, whether or not the goals are met; else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from config.env import LOCAL_HOME
from tests.bench import machine
from tests.bench.chosen import some_of
from tests.bench.report import write
from tests.bench.usage import Meter

from . import report
from .contenders import contenders
from .rounds import Bench
from .session import Load

NAMES = list(contenders(1, 1))


def main() -> int:
    asked = parser().parse_args()
    everyone = contenders(asked.concurrency, asked.slow_concurrency)
    chosen = [one for name, one in everyone.items() if name in asked.only]
    about = machine.describe(os.environ, sorted({one.rival for one in chosen if one.rival}))
    load = Load(runs=asked.runs, idle_runs=asked.idle_runs, slow_runs=asked.slow_runs)
    meter = Meter(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    bench = Bench(chosen, load, dict(os.environ), LOCAL_HOME / "bench", meter)
    machine.warn_if_busy(about)
    bench.prepare()
    bench.rounds(asked.rounds, slow=asked.slow)
    if asked.growth:
        bench.growth(everyone["saga"], asked.rounds, asked.history)
    about["load_at_rounds"] = bench.turns.loads
    print("\n" + report.REPORT.table(bench.summaries, bench.turns.failures), flush=True)
    plan = {name: value for name, value in vars(asked).items() if name != "out"}
    plan["contenders"] = {
        one.name: f"{one.about}; {one.concurrency} a process, {one.slow_concurrency} if slow" for one in chosen
    }
    document = report.document(bench.summaries, bench.turns.failures, about, plan)
    write(asked.out, json.dumps(document, indent=1) + "\n")
    return 1 if bench.turns.failures else 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-sagas", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn (3)")
    parser.add_argument("--runs", type=int, default=300, help="runs submitted at once (300)")
    parser.add_argument("--idle-runs", type=int, default=60, help="runs one at a time (60)")
    parser.add_argument("--slow-runs", type=int, default=500, help="slow runs submitted at once (500)")
    parser.add_argument("--only", type=some_of(NAMES), default=NAMES, help=f"contenders, by commas: {','.join(NAMES)}")
    parser.add_argument("--concurrency", type=int, default=8, help="threads of a Celery worker (8)")
    parser.add_argument("--slow-concurrency", type=int, default=32, help="the same for slow runs (32)")
    parser.add_argument("--slow", action=argparse.BooleanOptionalAction, default=True, help="measure slow runs too")
    parser.add_argument(
        "--growth", action=argparse.BooleanOptionalAction, default=False, help="measure ours on a full database too"
    )
    parser.add_argument("--history", type=int, default=1_000_000, help="finished runs in the full database (1000000)")
    parser.add_argument("--out", type=Path, default=LOCAL_HOME / "bench" / "sagas.json", help="the JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
