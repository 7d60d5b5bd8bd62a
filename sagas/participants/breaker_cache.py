"""What this process believes of the participants: read from PostgreSQL at most once a second, whatever the traffic."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import sql
from ..models import Breaker
from ..sql import participants

FRESH = 1.0
"""Seconds for which a reading is believed. A breaker that another process opened costs a few calls more until then."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A participant's breaker, as PostgreSQL had it when it was read."""

    name: str
    state: str = Breaker.State.CLOSED
    failures: int = 0
    """In a row."""
    reason: str = ""
    since: datetime | None = None
    """When it opened; runs wait since then."""
    trial_at: float = math.inf
    """When a trial may be made, by time.monotonic(); infinite while it is closed, or held until a person ends it."""

    @classmethod
    def read(
        cls, name: str, state: str, failures: int, reason: str, since: datetime | None, left: float | None
    ) -> Standing:
        """From a row of `breakersql._STANDING`; `left` is in seconds of PostgreSQL's clock."""
        trial_at = math.inf if left is None else time.monotonic() + left
        return cls(name, state, failures, reason, since, trial_at)

    @property
    def closed(self) -> bool:
        return self.state == Breaker.State.CLOSED

    @property
    def left(self) -> float:
        """Seconds until a trial may be made, not below 0."""
        return max(self.trial_at - time.monotonic(), 0.0)


class Standings:
    """The standings of all participants, shared by the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Standing] = {}
        self._read_at = -math.inf

    def of(self, name: str) -> Standing:
        """The participant's standing, not older than a second; one that nobody wrote of answers."""
        self._refresh()
        return self._known.get(name) or Standing(name)

    def learn(self, rows: list[tuple[Any, ...]]) -> None:
        """Take over what a statement of this process has just returned."""
        for row in rows:
            self._known[row[0]] = Standing.read(*row)

    def forget(self) -> None:
        """Read anew when next asked."""
        self._read_at, self._known = -math.inf, {}

    def reread(self, name: str) -> Standing:
        """The participant's standing as it is now."""
        self._read_at = -math.inf
        return self.of(name)

    def _refresh(self) -> None:
        """One thread reads; those that come meanwhile go by what is known, unless nothing was ever read."""
        if time.monotonic() - self._read_at < FRESH:
            return
        if not self._lock.acquire(blocking=self._read_at == -math.inf):
            return
        try:
            if time.monotonic() - self._read_at >= FRESH:
                rows = sql.fetch(participants.READ_ALL, {})
                self._known = {row[0]: Standing.read(*row) for row in rows}
                self._read_at = time.monotonic()
        finally:
            self._lock.release()


standings = Standings()
