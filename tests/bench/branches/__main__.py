"""`python -m config.local run -- python -m tests.bench.branches`: measure, print the table, write the JSON.

Exit code 0 when all that was asked for was measured, whether or not the goals are met; else 1.
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
from .rounds import Bench, Load

NAMES = [one.name for one in contenders(1, 1)]


def main() -> int:
    asked = parser().parse_args()
    load = Load(
        single_runs=asked.single_runs,
        burst=asked.burst,
        waiting=asked.waiting,
        watch=asked.watch,
        items=asked.items,
    )
    chosen = [one for one in contenders(asked.concurrency, asked.items) if one.name in asked.only]
    about = machine.describe(os.environ, [])
    machine.warn_if_busy(about)
    meter = Meter(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    bench = Bench(chosen, load, dict(os.environ), LOCAL_HOME / "bench", meter)
    bench.prepare()
    bench.rounds(asked.rounds)
    about["load_at_rounds"] = bench.turns.loads
    print(f"\n{report.REPORT.table(bench.summaries, bench.turns.failures)}", flush=True)
    plan = {name: value for name, value in vars(asked).items() if name != "out"}
    plan["contenders"] = {one.name: one.about for one in chosen}
    document = report.document(bench.summaries, bench.turns.failures, about, plan)
    write(asked.out, json.dumps(document, indent=1) + "\n")
    return 1 if bench.turns.failures else 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-branches", description=__doc__)
    usual = Load()
    parser.add_argument("--rounds", type=int, default=3, help="how often each has its turn (3)")
    parser.add_argument("--single-runs", type=int, default=usual.single_runs, help="runs one at a time (20)")
    parser.add_argument("--burst", type=int, default=usual.burst, help="runs at once (50)")
    parser.add_argument("--waiting", type=int, default=usual.waiting, help="runs that wait (1000)")
    parser.add_argument("--watch", type=float, default=usual.watch, help="seconds to watch an idle system (20)")
    parser.add_argument("--items", type=int, default=usual.items, help="items of a run (1000)")
    parser.add_argument("--concurrency", type=int, default=32, help="threads of a worker process (32)")
    parser.add_argument("--only", type=some_of(NAMES), default=NAMES, help=f"some, by commas: {','.join(NAMES)}")
    parser.add_argument("--out", type=Path, default=LOCAL_HOME / "bench" / "branches.json", help="the JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
