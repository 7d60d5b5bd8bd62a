"""`python -m tests.bench.shop checkout|pages`: measure, print the table, write the JSON.

Starts whole stacks, one at a time. Exit code 0 when each build was measured, whether or not the goals are met; else 1.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from config.env import LOCAL_HOME
from tests.bench import machine
from tests.bench.before import HELP, Build, checkout
from tests.bench.report import Figures, write
from tests.bench.turns import Turns, rotated

from .checkout import measure_checkout
from .pages import measure_pages
from .report import BEFORE, EMPTY, MILLION, REPORT, SHOP, document
from .stack import Side, Stack, running

Measure = Callable[[Stack], Figures]


def main() -> int:
    asked = parser().parse_args()
    home = LOCAL_HOME / "bench"
    build = checkout(asked.before, home) if asked.before else None
    about = machine.host()
    machine.warn_if_busy(about)
    several = sides(build)
    turns = Turns()
    rounds(turns, several, asked.rounds, measuring(asked), home)
    if asked.growth:
        past = [Side(EMPTY, "no orders before", history=0), Side(MILLION, "many orders before", history=asked.history)]
        rounds(turns, past, asked.rounds, measuring(asked), home, title="growth, round")
        several += past
    about["load_at_rounds"] = turns.loads
    summaries = {name: REPORT.summarise(figures) for name, figures in turns.measured.items()}
    print("\n" + REPORT.table(summaries, turns.failures), flush=True)
    plan = {name: value for name, value in vars(asked).items() if name != "out"}
    plan["contenders"] = {side.name: side.about for side in several}
    out = asked.out or home / f"{asked.what}.json"
    write(out, json.dumps(document(summaries, turns.failures, about, plan), indent=1) + "\n")
    return 1 if turns.failures else 0


def sides(before: Build | None) -> list[Side]:
    """The present code, and another commit's."""
    present = [Side(SHOP, "the present code")]
    return [*present, Side(BEFORE, f"as of commit {before.commit}", before.root)] if before else present


def rounds(
    turns: Turns, several: list[Side], count: int, measure: Measure, home: Path, *, title: str = "round"
) -> None:
    """Each in turn, so many times, each time in another order, on a stack of its own."""
    homes = home / "shop"
    shutil.rmtree(homes, ignore_errors=True)

    def one(side: Side) -> Figures:
        with running(side, homes / side.name, home / "logs" / side.name) as stack:
            figures = measure(stack)
            if side.is_kept:
                stack.finish()
            return figures

    try:
        for number in range(1, count + 1):
            turns.begin_round()
            for side in rotated(several, number):
                turns.measure(f"{title} {number}", side, one)
    finally:
        shutil.rmtree(homes, ignore_errors=True)


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
    parser.add_argument("--growth", action="store_true", help="measure the present code on a full database, too")
    parser.add_argument("--history", type=int, default=1_000_000, help="orders in the full database (1000000)")
    parser.add_argument("--out", type=Path, help="the JSON file (.local/bench/checkout.json or pages.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
