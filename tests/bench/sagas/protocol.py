"""How the bench asks a submitting process for runs: one line in, one line out. Standard library only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def serve(submit: Callable[[int, bool], str]) -> None:
    """Answer each line `COUNT SLOW` by submitting so many runs, one after the other.

    `submit` is given the run's number and whether its steps are slow, and returns the run's id once the run is
    committed. The answer holds the ids, and the monotonic time (seconds) of the beginning, which on Linux all
    processes share.
    """
    number = 0
    print("ready.", flush=True)
    for line in sys.stdin:
        count, slow = (int(word) for word in line.split())
        begun = time.monotonic()
        ids = [submit(number + offset, bool(slow)) for offset in range(count)]
        number += count
        print(json.dumps({"begun": begun, "ids": ids}), flush=True)
