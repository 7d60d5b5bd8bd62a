"""Customers who come at a steady rate, whatever becomes of those before, and others who watch their orders' pages."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

TIMEOUT = 10.0  # seconds for one try
POLL = re.compile(r'hx-get="([^"]+)" hx-trigger="every ([0-9.]+)(ms|s)"')
LOOKS_AGAIN = 1.0  # seconds; a page that asks no more is left, and another one opened


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer's first try met."""

    met: str
    """An HTTP status, or the name of an error."""
    seconds: float

    @property
    def accepted(self) -> bool:
        return self.met == "201"


def ask(
    site: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """The status and the text of the answer. Raises OSError and HTTPException."""
    at = urlsplit(site)
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=TIMEOUT)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def products(site: str) -> list[str]:
    """The products of which there is plenty."""
    found = json.loads(ask(site, "GET", "/api/products")[1])["results"]
    return [product["sku"] for product in found if (product["available"] or 0) >= 1000]


@dataclass(slots=True)
class Arrivals:
    """Place orders at `site` by JSON, each once."""

    site: str
    skus: list[str]
    placed: list[str] = field(default_factory=list)
    """The ids of the orders that were accepted."""

    def come(self, rate: float, seconds: float) -> list[Answer]:
        """Send a customer every `1 / rate` seconds; what each of them met. A late start counts as waiting."""
        begun = time.monotonic()
        dues = [begun + number / rate for number in range(round(rate * seconds))]
        with ThreadPoolExecutor(max(8, round(rate * TIMEOUT))) as pool:
            waiting = []
            for number, due in enumerate(dues):
                time.sleep(max(0.0, due - time.monotonic()))
                waiting.append(pool.submit(self._try, number, due))
        return [one.result() for one in waiting]

    def _try(self, number: int, due: float) -> Answer:
        body = {
            "email": f"load-{number}@example.com",
            "payment_method": "pm_card_visa",
            "lines": [{"sku": self.skus[number % len(self.skus)], "quantity": 1}],
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        try:
            status, text = ask(self.site, "POST", "/api/orders", body, headers)
        except (OSError, http.client.HTTPException) as error:
            return Answer(type(error).__name__, time.monotonic() - due)
        if status == 201:
            self.placed.append(json.loads(text)["id"])
        return Answer(str(status), time.monotonic() - due)


class Watchers:
    """So many open order pages, each asking as its own markup says, until the block ends."""

    def __init__(self, site: str, placed: list[str], number: int) -> None:
        self._site = site
        self._placed = placed
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(own,)) for own in range(number)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, number: int) -> None:
        while not self._over.wait(LOOKS_AGAIN):
            if self._placed:
                self._follow(self._placed[-1 - number % len(self._placed)])

    def _follow(self, order: str) -> None:
        """Open the page and ask again at its pace, until it asks no more or the shop does not answer."""
        path = f"/orders/{order}/"
        while True:
            try:
                status, text = ask(self._site, "GET", path)
            except (OSError, http.client.HTTPException):  # a watcher counts for nothing but its load
                return
            if status == 200:
                found = POLL.search(text)
                if found is None:
                    return
                path, pause = found[1], float(found[2]) / (1000 if found[3] == "ms" else 1)
            if self._over.wait(pause):
                return
