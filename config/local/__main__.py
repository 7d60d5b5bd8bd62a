"""`python -m config.local`: the launcher behind the Makefile.

Exit codes: 0 for success, also after Ctrl-C or SIGTERM; 1, with a sentence why, when the stack cannot start or go on.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from config.env import spare_loopback

from .check import check
from .demo import demo
from .errors import LocalStackError
from .services.temporary import environment_with_servers, run
from .state_dir import StateDir
from .subprocesses import die_with_parent
from .up import up


def main() -> int:
    arguments = parser().parse_args()
    spare_loopback()
    home = StateDir()
    try:
        match arguments.command:
            case "up":
                if arguments.stop_with_parent:
                    stop_with_parent()
                up(home)
                return 0
            case "demo":
                return demo(home, arguments.orders)
            case "check":
                return check(home)
            case _:
                with environment_with_servers(home) as environment:
                    return run(arguments.program, environment)
    except LocalStackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m config.local", description="Settle on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="run the whole stack until Ctrl-C")
    start.add_argument("--stop-with-parent", action="store_true", help="stop when the starting process is killed")
    trial = commands.add_parser("demo", help="place orders on the running stack, or on one started for it")
    trial.add_argument("--orders", type=int, default=50, help="how many (50)")
    commands.add_parser("check", help="format, lint, layers, types, migrations")
    program = commands.add_parser("run", help="run a program with a private PostgreSQL and Redis")
    program.add_argument("program", nargs="+")
    return parser


def stop_with_parent() -> None:
    """Have this process end when `make` is killed."""
    parent = os.getppid()
    if (arrange := die_with_parent(signal.SIGTERM, parent=parent)) is not None:
        arrange()


if __name__ == "__main__":
    sys.exit(main())
