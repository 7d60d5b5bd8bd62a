"""`make storm`: place orders while processes are killed, Redis is emptied and PostgreSQL crashes; see how all recover.

Starts a stack of its own below SETTLE_HOME. Exit code 1 when a goal is missed or the books differ.
"""

from __future__ import annotations

import argparse
import os
import sys

import django

from config.local.demo import running_stack
from config.local.errors import LocalStackError
from config.local.ports import free_port
from config.local.state_dir import StateDir

from .stack import Stack


def main() -> int:
    asked = parser().parse_args()
    for variable in ("PORT", "FLOWER_PORT", "STANDINS_PORT"):
        os.environ.setdefault(variable, str(free_port()))
    os.environ.setdefault("STANDINS_LATENCY", "0.1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    home = StateDir()
    try:
        with running_stack(home):
            django.setup()
            from .run import goals, report, storm  # its models need the line above

            outcome = storm(Stack(home.root, home.read_env()), asked.orders, asked.seed)
            print(report(outcome), flush=True)
            return 0 if all(goal.is_met for goal in goals(outcome)) else 1
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make storm", description=__doc__)
    parser.add_argument("--orders", type=int, default=300, help="how many orders are placed (300)")
    parser.add_argument("--seed", type=int, default=1, help="which storm: the order of the disruptions (1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
