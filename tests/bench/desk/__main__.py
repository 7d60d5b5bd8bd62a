"""`python -m tests.bench.desk`: does six jobs at the desk of a running shop, and prints what each took.

A click is a press of the mouse; typing is none. The seconds are those of pages and workers: nobody reads or thinks.
Exit code 0 when each job takes no person more than CLICKS and all of them together no more than SECONDS; else 1.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

from config.env import LOCAL_HOME, spare_loopback
from tests.bench.environments import run
from tests.bench.errors import BenchError
from tests.bench.shop.stack import Side, Stack, running
from tests.browser.conftest import CHROMIUM

from .jobs import JOBS, Desk, Job
from .operator import Operator
from .trouble import Trouble

CLICKS, SECONDS = 4, 20.0
TWO_PEOPLE = {"SECOND_PERSON": "skip"}
SECOND = "otto"


@dataclass(frozen=True)
class Took:
    """What a job took; `failed` says why it did not end."""

    job: Job
    clicks: tuple[int, ...]
    seconds: float
    note: str
    failed: str = ""

    @property
    def is_met(self) -> bool:
        return not self.failed and max(self.clicks) <= CLICKS and self.seconds <= SECONDS

    def __str__(self) -> str:
        clicks = "+".join(map(str, self.clicks))
        note = f" ({'; '.join(filter(None, (self.note, self.failed)))})" if self.note or self.failed else ""
        return f"{'met' if self.is_met else 'MISSED':6}  {clicks:>6}  {self.seconds:7.1f}  {self.job.title}{note}"


def main() -> int:
    spare_loopback()
    if CHROMIUM is None:
        raise BenchError("No chromium here: apt-get install chromium.")
    home = LOCAL_HOME / "bench" / "desk"
    side = Side("desk", "the present code", settings=TWO_PEOPLE)
    with running(side, home, home.parent / "logs" / "desk") as stack, sync_playwright() as playwright:
        all_took = work(playwright.chromium.launch(executable_path=CHROMIUM), stack, home / "mail")
    print(f"\ngoal    clicks  seconds  job (at most {CLICKS} clicks of each person, {SECONDS:g} s)")
    print(*all_took, sep="\n", flush=True)
    return 0 if all(one.is_met for one in all_took) else 1


def work(browser: Browser, stack: Stack, mail: Path) -> list[Took]:
    """All jobs, one after the other."""
    trouble = Trouble(stack, mail)
    add_person(stack, SECOND)
    print("Making trouble: it takes three minutes until letters are given up …", flush=True)
    trouble.make()
    desk = Desk(Operator(browser, stack.site, "operator"), Operator(browser, stack.site, SECOND), trouble)
    return [timed(job, desk) for job in JOBS]


def timed(job: Job, desk: Desk) -> Took:
    print(f"{job.title} …", flush=True)
    people = (desk.olga, desk.otto)
    for person in people:
        person.begin()
    note = job.before(desk)
    begun, failed = time.monotonic(), ""
    try:
        job.do(desk)
    except (Error, BenchError) as error:
        failed = str(error).splitlines()[0]
    return Took(job, tuple(one.clicks for one in people if one.clicks) or (0,), time.monotonic() - begun, note, failed)


def add_person(stack: Stack, name: str) -> None:
    """An account that may do everything, as the operator's."""
    command = (sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", name, "--email", "")
    run(command, {**os.environ, **stack.addresses, "DJANGO_SUPERUSER_PASSWORD": name}, what=f"No account for {name}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(str(error))
