"""Who is let in next: start-time fair queueing over shares, and limits of runs at once. A pure function.

Each share has a virtual time, which a run that is let in moves on by one divided by the share's weight. The share that
is behind goes first. One that comes back begins where the others are: it is owed nothing for the time when it did not
wait, and so a run of a quiet share is always among the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ..declare.share import Share


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits. Within a share the highest priority goes first, and of one priority whoever came first."""

    share: str
    line: str
    """The key of its limit; empty where it has none."""
    priority: int
    run_id: UUID

    @property
    def rank(self) -> tuple[int, UUID]:
        return (-self.priority, self.run_id)


@dataclass(slots=True)
class Order:
    """What decides, and what has been decided."""

    policies: Mapping[str, Share]
    """Of each share that waits."""
    lines: Mapping[str, int]
    """The most runs at once of each line that has a limit."""
    living: dict[str, int]
    """Runs of each share that count against its limit."""
    living_of_lines: dict[str, int]
    passed: dict[str, float]
    """The virtual time of the shares that are ahead."""
    now: float
    """The virtual time of all: that at which the last run was let in."""
    chosen: list[Waiting] = field(default_factory=list)

    def choose(self, waiting: Sequence[Waiting], room: int) -> list[Waiting]:
        """The next ones, at most `room`, in the order in which they go. It moves the virtual times on."""
        left: dict[str, list[Waiting]] = {}
        for one in sorted(waiting, key=lambda one: one.rank):
            left.setdefault(one.share, []).append(one)
        while len(self.chosen) < room and (found := self._next(left)) is not None:
            left[found.share].remove(found)
            self._let_in(found)
        return self.chosen

    def has_room(self, share: str, line: str) -> bool:
        """Whether neither the share's limit nor the line's is reached."""
        most = self.policies[share].at_once
        if most is not None and self.living.get(share, 0) >= most:
            return False
        return line not in self.lines or self.living_of_lines.get(line, 0) < self.lines[line]

    def starts_at(self, share: str) -> float:
        """The virtual time at which the share's next run begins."""
        return max(self.passed.get(share, self.now), self.now)

    def is_limited(self, one: Waiting) -> bool:
        """Whether the run counts for as long as it lives."""
        return self.policies[one.share].at_once is not None or one.line in self.lines

    def _next(self, left: Mapping[str, Sequence[Waiting]]) -> Waiting | None:
        firsts = [next((one for one in of if self.has_room(share, one.line)), None) for share, of in left.items()]
        may = [one for one in firsts if one is not None]
        return min(may, key=lambda one: (self.starts_at(one.share), one.rank), default=None)

    def _let_in(self, one: Waiting) -> None:
        self.now = self.starts_at(one.share)
        self.passed[one.share] = self.now + 1 / self.policies[one.share].weight
        self.living[one.share] = self.living.get(one.share, 0) + 1
        self.living_of_lines[one.line] = self.living_of_lines.get(one.line, 0) + 1
        self.chosen.append(one)
