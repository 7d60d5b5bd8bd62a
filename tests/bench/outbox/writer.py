"""How the bench has events written: one line in, one line out. Standard library only.

The line `FIRST COUNT RATE` asks for events of these numbers, RATE a second, each in a transaction of its own. The
answer holds, for each, the monotonic time (seconds) at which its COMMIT had returned, which on Linux all processes
share. An event whose turn has passed is written at once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

THREADS = 4  # a commit waits for the disk: one thread alone would not reach 1,000 a second


def serve(write: Callable[[int], float]) -> None:
    """Answer each line. `write` commits one event and returns when; it is called in several threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        print("ready.", flush=True)
        for line in sys.stdin:
            first, count, rate = (int(word) for word in line.split())
            parts = [range(start, count, THREADS) for start in range(THREADS)]
            one = partial(write_part, write, first=first, begun=time.monotonic(), rate=rate)
            done = list(pool.map(one, parts))
            print(json.dumps({number: at for part in done for number, at in part}), flush=True)


def write_part(
    write: Callable[[int], float], part: range, *, first: int, begun: float, rate: int
) -> list[tuple[int, float]]:
    """Write every so manieth event at its time."""
    committed = []
    for place in part:
        time.sleep(max(0.0, begun + place / rate - time.monotonic()))
        committed.append((first + place, write(first + place)))
    return committed
