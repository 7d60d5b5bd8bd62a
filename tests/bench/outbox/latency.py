"""The time from an event's commit to its arrival, with events written at a steady rate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tests.bench.errors import BenchError
from tests.bench.report import Figures
from tests.bench.usage import Meter

from .contenders import Contender
from .place import Load, Place
from .session import Session, running

IDLE = 100  # events a second
BUSY = 1000
WARM_UP = 1  # seconds


def measure_latency(contender: Contender, place: Place, meter: Meter, load: Load) -> Figures:
    """p50 and p99 at 100 and at 1,000 events a second, in milliseconds; one clock, read at both ends."""
    with running(contender, place, meter) as session:
        writer = Writer(session, contender.python(place.venvs))
        idle, _ = writer.waits(IDLE, load.seconds)
        busy, written = writer.waits(BUSY, load.seconds)
    return {
        "idle_p50_ms": percentile(idle, 50),
        "idle_p99_ms": percentile(idle, 99),
        "busy_p50_ms": percentile(busy, 50),
        "busy_p99_ms": percentile(busy, 99),
        "busy_events_per_s": written,
    }


class Writer:
    """The process that publishes events, an event a transaction."""

    def __init__(self, session: Session, python: str) -> None:
        self.session = session
        self.process = session.processes.start("writer", (python, "-m", session.contender.program, "write"), pipes=True)
        self.number = 0
        self._read("to start")

    def waits(self, rate: int, seconds: int) -> tuple[list[float], float]:
        """Milliseconds from commit to arrival of each event, and events a second that were really written."""
        self._write(rate, WARM_UP)
        arrived, committed = self._write(rate, seconds)
        took = max(committed.values()) - min(committed.values())
        return [(arrived[number] - at) * 1000 for number, at in committed.items()], (len(committed) - 1) / took

    def _write(self, rate: int, seconds: int) -> tuple[dict[int, float], dict[int, float]]:
        """When each event arrived, and when it was committed."""
        first, count = self.number, rate * seconds
        self.number += count
        self.session.arrivals.clear()
        assert self.process.stdin is not None
        self.process.stdin.write(f"{first} {count} {rate}\n".encode())
        self.process.stdin.flush()
        arrived = self.session.arrivals.collect(range(first, first + count))
        answer: dict[str, float] = json.loads(self._read("to write"))
        return arrived, {int(number): at for number, at in answer.items()}

    def _read(self, what: str) -> bytes:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.session.processes.check_alive()
            raise BenchError(f"The writer failed {what}.")
        return line


def percentile(values: Iterable[float], share: int) -> float:
    """The least value that `share` percent of all are not above."""
    ordered: Sequence[float] = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]
