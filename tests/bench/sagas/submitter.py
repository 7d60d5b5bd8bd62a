"""The process that starts runs, as a host's view would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.errors import BenchError
from tests.bench.processes import Processes


@dataclass
class Submission:
    """Runs that were submitted: the monotonic time of the beginning, and their ids."""

    begun: float
    ids: list[str]


class Submitter:
    """The process that submits runs, one after the other."""

    def __init__(self, processes: Processes, command: Sequence[str]) -> None:
        self.processes = processes
        self.process = processes.start("submitter", command, pipes=True)
        self._read("to start")

    def submit(self, count: int, *, slow: bool = False) -> Submission:
        """Have it submit so many runs; returns when the last is committed."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{count} {int(slow)}\n".encode())
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._read("to submit"))
        return Submission(answer["begun"], answer["ids"])

    def _read(self, what: str) -> bytes:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.processes.check_alive()
            raise BenchError(f"The submitter failed {what}.")
        return line
