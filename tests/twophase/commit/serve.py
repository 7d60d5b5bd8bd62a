"""`python -m tests.twophase.commit.serve LOG THREADS stock_first|at_once|stock_last`: a coordinator in its own process.

It settles what an earlier life left, says `ready.`, and carries out the orders that come as lines on its input.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.twophase.databases import Databases
from tests.twophase.order import Latency, Order

from .coordinator import Coordinator
from .journal import Journal
from .recovery import Resolved, resolve

LOOK_AGAIN = 1.0  # seconds


def main(log: str, threads: int, how: str) -> None:
    databases = Databases.from_environment(os.environ)
    journal = Journal(Path(log))
    urls = (databases.shop, databases.stock)
    tell(resolve(journal, urls))
    threading.Thread(target=keep_resolving, args=(journal, urls), daemon=True).start()
    latency = Latency.from_environment(os.environ)
    coordinator = Coordinator(databases, journal, latency, how, threads)
    print("ready.", flush=True)
    with ThreadPoolExecutor(threads) as pool:
        for line in sys.stdin:
            pool.submit(carry_out, coordinator, Order.from_line(line))


def carry_out(coordinator: Coordinator, order: Order) -> None:
    try:
        coordinator.carry_out(order)
    except Exception:  # told to whoever reads the log; the next order is another matter
        complain(f"{order.number} was aborted: {traceback.format_exc()}")


def keep_resolving(journal: Journal, urls: tuple[str, str]) -> None:
    while True:
        time.sleep(LOOK_AGAIN)
        try:
            resolve(journal, urls)
        except Exception:  # a database that is away comes back
            complain(traceback.format_exc())


def tell(resolved: Resolved) -> None:
    for gid in resolved.committed:
        complain(f"{gid}: committed, as the log says")
    for gid in resolved.rolled_back:
        complain(f"{gid}: rolled back, the log does not name it")
    for gid in resolved.strangers:
        complain(f"{gid}: left alone, it is not of this log; only its own log can say how it was decided")


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
