"""`python -m config.local run -- python -m tests.bench.admin`: fill the tables, open each page, print how long it took.

Exit code 0 when each page kept its goal, else 1. What counts is the 95th percentile of several tries.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from math import ceil
from typing import Any, NamedTuple

import django

from tests.bench import machine


class Taken(NamedTuple):
    """Seconds, of one opening or of a share of them."""

    page: float
    statements: float


class Clock:
    """Sums up what statements take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - begun


def main() -> int:
    asked = parser().parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    from django.core.management import call_command

    from . import fixture, pages

    call_command("migrate", verbosity=0, skip_checks=True)  # the runs of the fixture are no real ones
    machine.warn_if_busy(machine.describe(os.environ, []))
    client, missed = operator(), 0
    rows = number_of_orders()
    if not rows:
        begun, rows = time.monotonic(), asked.rows
        print(f"Filling the tables with {rows} rows each", flush=True)
        fixture.fill(rows, lambda text: print(text, flush=True))
        print(f"  in {time.monotonic() - begun:.0f} s", flush=True)
    print(f"\n{'page, 95th percentile':74} {'page ms':>8} {'sql ms':>8}  goal ms")
    for page in pages.pages(rows):
        if asked.only and not page.title.startswith(asked.only):
            continue
        taken = measure(client, page.url, asked.tries)
        counted = taken.statements if page.searches else taken.page
        kept = counted <= page.goal
        missed += not kept
        line = f"{page.title[:74]:74} {taken.page * 1000:8.1f} {taken.statements * 1000:8.1f}"
        print(f"{line}  {page.goal * 1000:.0f} {'sql' if page.searches else ''}{'' if kept else ' MISSED'}", flush=True)
    print(f"\n{missed} missed their goal" if missed else "\nEach page kept its goal")
    return 1 if missed else 0


def operator() -> Any:
    """A browser that a superuser is logged in with."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    user, _ = get_user_model().objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def number_of_orders() -> int:
    from orders.models import Order

    return Order.objects.count()


def measure(client: Any, url: str, tries: int) -> Taken:
    """The 95th percentile of several tries, after one that warms the caches."""
    seen = [look(client, url) for _ in range(tries + 1)][1:]
    return Taken(p95([one.page for one in seen]), p95([one.statements for one in seen]))


def p95(seconds: Sequence[float]) -> float:
    """The smallest that is not below nineteen of twenty."""
    return sorted(seconds)[ceil(len(seconds) * 0.95) - 1]


def look(client: Any, url: str) -> Taken:
    from django.db import connection

    clock = Clock()
    with ExitStack() as measuring:
        measuring.enter_context(connection.execute_wrapper(clock))
        begun = time.perf_counter()
        answer = client.get(url)
        page = time.perf_counter() - begun
    if answer.status_code not in (200, 302):
        raise SystemExit(f"{url} answered {answer.status_code}.")
    return Taken(page, clock.seconds)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-admin", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each table (1000000)")
    parser.add_argument(
        "--tries", type=int, default=20, help="how often each page is opened; of 20 the slowest is left out (20)"
    )
    parser.add_argument("--only", default="", help="pages whose title begins so, such as orders_order")
    return parser


if __name__ == "__main__":
    sys.exit(main())
