"""What open order pages cost: each asks for its progress again and again, and sends what it has seen.

Nothing carries the orders, so that little changes on them. The pages ask one after the other as fast as a few browsers
can, since 500 of them at their own pace may be more than the machine can answer; what they cost at that pace follows
from the CPU that one question takes.
"""

from __future__ import annotations

import html
import re
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests

from tests.bench.errors import BenchError
from tests.bench.report import Figures

from .customers import Customers
from .resting import Resting
from .stack import TIMEOUT, Stack

BROWSERS = 4
ASKS_AGAIN = re.compile(r'hx-get="([^"]+)" hx-trigger="every (\d+)(ms|s)"')


@dataclass
class Page:
    """An open page of an order: which address it asks next, and how many seconds it waits before."""

    url: str
    pause: float

    def take(self, text: str) -> None:
        """Do as the page, or its fragment, says. Raises BenchError when it would not ask again."""
        found = ASKS_AGAIN.search(text)
        if not found:
            raise BenchError("An order's page asks no more: its order is final, or the page has changed.")
        self.url = html.unescape(found[1])
        self.pause = int(found[2]) / (1000 if found[3] == "ms" else 1)


class Browser:
    """Has several pages open, over one connection."""

    def __init__(self, site: str, orders: Sequence[str]) -> None:
        self.site = site
        self.http = requests.Session()
        self.pages = [self._open(order) for order in orders]
        self.still = 0
        """How often the answer was that nothing has changed."""

    def ask(self, times: int) -> None:
        """Have each page ask so often, in turn."""
        for _ in range(times):
            for page in self.pages:
                answer = self._get(page.url)
                if answer.status_code == 204:
                    self.still += 1
                else:
                    page.take(answer.text)

    def _open(self, order: str) -> Page:
        page = Page("", 0.0)
        page.take(self._get(f"/orders/{order}/").text)
        return page

    def _get(self, path: str) -> requests.Response:
        answer = self.http.get(f"{self.site}{path}", headers={"HX-Request": "true"}, timeout=TIMEOUT)
        if answer.status_code not in (200, 204):
            raise BenchError(f"{path} answered {answer.status_code}.")
        return answer


def measure_pages(stack: Stack, pages: int, asks: int) -> Figures:
    """CPU of so many open pages, in milliseconds a second, from what each question of theirs takes."""
    skus = stack.fill_stock()
    stack.freeze_worker()
    orders = [one.id for one in Customers(stack.site, skus).place(pages)]
    with ThreadPoolExecutor(BROWSERS) as pool:
        browsers = list(pool.map(lambda start: Browser(stack.site, orders[start::BROWSERS]), range(BROWSERS)))
        list(pool.map(lambda one: one.ask(1), browsers))  # the first answer may hold what changed since the page came
        resting, seen = Resting.of(stack), sum(one.still for one in browsers)
        before, begun = stack.cpu(), time.monotonic()
        list(pool.map(lambda one: one.ask(asks), browsers))
        seconds = time.monotonic() - begun
        cpu = stack.cpu() - before - resting.cpu * seconds
    asked = pages * asks
    pause = statistics.median(page.pause for one in browsers for page in one.pages)
    return {
        "pages_cpu_ms_per_s": cpu / asked * pages / pause,
        "cpu_ms_per_ask": cpu / asked,
        "asks_per_s": asked / seconds,
        "still": (sum(one.still for one in browsers) - seen) / asked,
    }
