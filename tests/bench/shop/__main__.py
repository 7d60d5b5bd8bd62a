"""`python -m tests.bench.shop checkout|pages`: measure, print the table, write the JSON.

Starts whole stacks, one at a time. Exit code 0 when each build was measured, whether or not the goals are met; else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from config.env import LOCAL_HOME
from tests.bench import machine
from tests.bench.before import HELP, checkout
from tests.bench.report import Figures, write
from tests.bench.turns import Turns, rotated

from .checkout import measure_checkout
from .pages import measure_pages
from .report import BEFORE, REPORT, SHOP, document
from .stack import Side, Stack, running

Measure = Callable[[Stack], Figures]


def main() -> int:
    asked = parser().parse_args()
    home = LOCAL_HOME / "bench"
    sides = [Side(SHOP, "the present code")]
    if asked.before:
        build = checkout(asked.before, home)
        sides.append(Side(BEFORE, f"as of commit {build.commit}", build.root))
    about = machine.host()
    machine.warn_if_busy(about)
    turns = rounds(sides, asked.rounds, measuring(asked), home)
    about["load_at_rounds"] = turns.loads
    summaries = {name: REPORT.summarise(figures) for name, figures in turns.measured.items()}
    print("\n" + REPORT.table(summaries, turns.failures), flush=True)
    plan = {name: value for name, value in vars(asked).items() if name != "out"}
    plan["contenders"] = {side.name: side.about for side in sides}
    out = asked.out or home / f"{asked.what}.json"
    write(out, json.dumps(document(summaries, turns.failures, about, plan), indent=1) + "\n")
    return 1 if turns.failures else 0


def rounds(sides: list[Side], count: int, measure: Measure, home: Path) -> Turns:
    """Each build in turn, so many times, each time on a stack of its own."""
    turns = Turns()

    def one(side: Side) -> Figures:
        with running(side, home / "shop" / f"{side.name}-{os.getpid()}", home / "logs" / side.name) as stack:
            return measure(stack)

    for number in range(1, count + 1):
        turns.begin_round()
        for side in rotated(sides, number):
            turns.measure(f"round {number}", side, one)
    return turns


def measuring(asked: argparse.Namespace) -> Measure:
    if asked.what == "checkout":
        return lambda stack: measure_checkout(stack, asked.orders)
    return lambda stack: measure_pages(stack, asked.pages, asked.asks)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-checkout, make bench-pages", description=__doc__)
    parser.add_argument("what", choices=("checkout", "pages"))
    parser.add_argument("--before", metavar="REF", help=HELP)
    parser.add_argument("--rounds", type=int, default=5, help="how often each build has its turn (5)")
    parser.add_argument("--orders", type=int, default=200, help="orders placed at once, for checkout (200)")
    parser.add_argument("--pages", type=int, default=500, help="open pages (500)")
    parser.add_argument("--asks", type=int, default=4, help="how often each page asks (4)")
    parser.add_argument("--out", type=Path, help="the JSON file (.local/bench/checkout.json or pages.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
