"""`make two-phase`: kill a coordinator between prepare and commit, and the saga's worker at the same point; compare.

Prints the table, and writes it as Markdown and JSON. Exit code 0 when every contender asked for was measured, else 1.
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
from tests.bench.errors import BenchError
from tests.bench.report import Figures, write
from tests.bench.turns import Turns

from . import report
from .contenders import Contender, contenders
from .databases import create, require_prepared
from .order import Latency
from .outage import measure_kill, measure_lost_log
from .session import Load, measure_well, running

NAMES = list(contenders(1))
HOME = LOCAL_HOME / "two-phase"


def main() -> int:
    asked = parser().parse_args()
    load = Load(asked.orders, asked.single, asked.hot, asked.other, asked.outage)
    about = {**machine.describe(os.environ, []), "threads": asked.threads}
    machine.warn_if_busy(about)
    try:
        turns = measure(asked, load)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    about["load_at_rounds"] = turns.loads
    summaries = {name: report.report(load).summarise(figures) for name, figures in turns.measured.items()}
    lines = report.table(summaries, load)
    print("\n" + report.text(lines), flush=True)
    write(asked.out, report.markdown(lines, about, asked.rounds))
    plan = {name: value for name, value in vars(asked).items() if name != "out"}
    plan["contenders"] = {name: one.about for name, one in contenders(asked.threads).items() if name in asked.only}
    rest = {"failures": turns.failures, "machine": about, "plan": plan}
    write(asked.out.with_suffix(".json"), json.dumps({**summaries, **rest}, indent=1) + "\n")
    return 1 if turns.failures else 0


def measure(asked: argparse.Namespace, load: Load) -> Turns:
    """The rounds: in each, every contender has its turn, so that a slow stretch of the machine hits all of them."""
    server = os.environ["DATABASE_URL"]
    require_prepared(server, 4 * asked.threads + 4)  # two databases for each thread of two processes
    databases = create(server, os.environ)
    latency = Latency(asked.payment / 1000, asked.order / 1000, asked.stock / 1000, asked.round_trip / 1000)
    environment = {**os.environ, **latency.as_environment()}

    def turn(contender: Contender) -> Figures:
        with running(contender, databases, load, environment, HOME / "logs") as session:
            return {**measure_well(session), **measure_kill(session), **measure_lost_log(session)}

    turns = Turns()
    chosen = [one for name, one in contenders(asked.threads).items() if name in asked.only]
    for number in range(1, asked.rounds + 1):
        turns.begin_round()
        for contender in chosen:
            turns.measure(f"round {number}", contender, turn)
    return turns


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make two-phase", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender has its turn (3)")
    parser.add_argument("--orders", type=int, default=48, help="orders placed at once (48)")
    parser.add_argument("--single", type=int, default=15, help="orders placed one at a time (15)")
    parser.add_argument("--hot", type=int, default=10, help="orders of the killed one's product in the outage (10)")
    parser.add_argument("--other", type=int, default=10, help="orders of other products in the outage (10)")
    parser.add_argument("--outage", type=float, default=10.0, help="seconds until the killed process is back (10)")
    parser.add_argument("--threads", type=int, default=12, help="threads of each of the two processes (12)")
    parser.add_argument("--payment", type=float, default=300, help="ms of a payment call (300)")
    parser.add_argument("--order", type=float, default=100, help="ms of a call of the orders' database (100)")
    parser.add_argument("--stock", type=float, default=50, help="ms of a call of the stock's database (50)")
    parser.add_argument("--round-trip", type=float, default=0, help="ms of 2PC's prepare and commit messages (0)")
    parser.add_argument("--only", type=some_of(NAMES), default=NAMES, help=f"contenders, by commas: {','.join(NAMES)}")
    parser.add_argument("--out", type=Path, default=HOME / "two-phase.md", help="the Markdown file; JSON beside it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
