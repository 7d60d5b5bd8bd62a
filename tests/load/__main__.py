"""`make load`: send more orders a second than the machine can carry, and see what each first try meets.

Starts a stack of its own below SETTLE_HOME. Exit code 1 when a first try is refused or gets no answer in time.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from config.env import spare_loopback
from config.local.demo import running_stack
from config.local.errors import LocalStackError
from config.local.ports import free_port
from config.local.state_dir import StateDir

from .arrivals import TIMEOUT, Arrivals, Watchers, products
from .report import carried, report


def main() -> int:
    asked = parser().parse_args()
    for variable in ("PORT", "FLOWER_PORT", "STANDINS_PORT"):
        os.environ.setdefault(variable, str(free_port()))
    os.environ.setdefault("STANDINS_LATENCY", "0")
    os.environ.setdefault("SAGAS_CANARY", "0")  # the report counts runs
    spare_loopback()
    home = StateDir()
    try:
        with running_stack(home):
            addresses = home.read_env()
            site = addresses["SITE_URL"]
            arrivals = Arrivals(site, products(site))
            begun = datetime.now(UTC)
            with Watchers(site, arrivals.placed, asked.watchers):
                answers = arrivals.come(asked.rate, asked.seconds)
            print(report(answers, carried(addresses["DATABASE_URL"], begun)), flush=True)
            return 0 if all(answer.accepted for answer in answers) else 1
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--rate", type=float, default=40, help="orders a second (40: twice what two cores carry)")
    parser.add_argument("--seconds", type=float, default=60, help=f"for how long (60); a try may take {TIMEOUT:g} s")
    parser.add_argument("--watchers", type=int, default=0, help="how many order pages are open meanwhile (0)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
