"""`python -m config.local run -- python -m tests.bench.outbox`: measure, print the table, write the JSON.

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
from tests.bench.before import HELP, Build, checkout
from tests.bench.chosen import some_of
from tests.bench.environments import python_of
from tests.bench.processes import ROOT
from tests.bench.report import write
from tests.bench.usage import Meter

from .contenders import Contender, contenders, grown, variants
from .place import Load
from .report import NOTE, REPORT, document
from .rounds import Bench

NAMES = list(contenders(Build(ROOT, "")))


def main() -> int:
    asked = parser().parse_args()
    home = LOCAL_HOME / "bench"
    before = checkout(asked.before, home) if asked.before else None
    chosen = [one for name, one in contenders(before).items() if name in asked.only]
    about = machine.describe(os.environ, sorted({one.rival for one in chosen if one.rival}))
    machine.warn_if_busy(about)
    meter = Meter(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    load = Load(rows=asked.rows, seconds=asked.seconds)
    bench = Bench(load, dict(os.environ), home, meter)
    run(bench, chosen, asked)
    about["load_at_rounds"] = bench.turns.loads
    about["rivals_python"] = {one.rival: python_of(bench.place.venvs / one.rival) for one in chosen if one.rival}
    print(f"\n{REPORT.table(bench.summaries, bench.turns.failures)}\n\n{NOTE}", flush=True)
    plan = {name: value for name, value in vars(asked).items() if name != "out"}
    plan["contenders"] = {one.name: one.about for one in chosen}
    plan["before_commit"] = before.commit if before else None
    write(asked.out, json.dumps(document(bench.summaries, bench.turns.failures, about, plan), indent=1) + "\n")
    return 1 if bench.turns.failures else 0


def run(bench: Bench, chosen: list[Contender], asked: argparse.Namespace) -> None:
    """The comparison; where asked for, this relay's variants; and those on a full history beside an empty one."""
    bench.prepare(chosen)
    bench.rounds(asked.rounds, chosen)
    if asked.variants:
        several = variants()
        bench.prepare(several)
        bench.rounds(asked.rounds, several, title="variants, round")
    if asked.growth:
        pairs = zip(grown("growth.empty."), grown("growth.million.", asked.history), strict=True)
        both = [one for pair in pairs for one in pair]
        bench.prepare(both)
        bench.rounds(asked.rounds, both, title="growth, round")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-outbox", description=__doc__)
    yes = argparse.BooleanOptionalAction
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender has its turn (5)")
    parser.add_argument("--before", metavar="REF", help=HELP)
    parser.add_argument("--rows", type=int, default=20_000, help="unpublished messages (20000)")
    parser.add_argument("--seconds", type=int, default=10, help="for how long events are timed at each rate (10)")
    parser.add_argument("--only", type=some_of(NAMES), default=NAMES, help=f"contenders, by commas: {','.join(NAMES)}")
    parser.add_argument("--variants", action=yes, default=True, help="two and four relays, one key and 1,000 keys")
    parser.add_argument("--growth", action=yes, default=False, help="the variants on a full history, too")
    parser.add_argument("--history", type=int, default=1_000_000, help="messages in the full history (1000000)")
    parser.add_argument("--out", type=Path, default=LOCAL_HOME / "bench" / "outbox.json", help="the JSON file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
