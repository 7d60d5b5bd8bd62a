"""What this process knows of the participants: their policies, from the settings, and their breakers.

Breakers are read from PostgreSQL at most once a second, whatever the traffic.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .. import sql
from ..declare.participant import Participant
from ..models import Breaker
from ..settings import saga_settings
from ..sql import participants

DEFAULT = Participant()
FRESH = 1.0
"""Seconds for which a reading is believed. A breaker that another process opened costs a few calls more until then."""


def policy_of(name: str) -> Participant:
    """The participant's policy: its own in SAGAS_PARTICIPANTS, or the default."""
    return saga_settings.PARTICIPANTS.get(name, DEFAULT)


def is_free(name: str) -> bool:
    """Whether any call to the participant goes, with nothing to take or to give back for it. Costs no statement.

    `name` is "" for a step that calls none.
    """
    policy = policy_of(name)
    return not name or (policy.at_once is None and policy.per_second is None and breakers.of(name).closed)


def is_known_away(name: str) -> bool:
    """Whether calls to the participant are held, as far as this process knows. Never asks PostgreSQL."""
    return bool(name) and not breakers.last_known(name).closed


def is_unconcerned(name: str) -> bool:
    """Whether a call to the participant goes and leaves nothing behind, whatever comes of it but an outage."""
    return is_free(name) and not breakers.of(name).failures


@dataclass(frozen=True, slots=True)
class BreakerState:
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
    ) -> BreakerState:
        """From a row of `sql.participants._STATE`; `left` is in seconds of PostgreSQL's clock."""
        trial_at = math.inf if left is None else time.monotonic() + left
        return cls(name, state, failures, reason, since, trial_at)

    @property
    def closed(self) -> bool:
        return self.state == Breaker.State.CLOSED

    @property
    def left(self) -> float:
        """Seconds until a trial may be made, not below 0."""
        return max(self.trial_at - time.monotonic(), 0.0)


class BreakerCache:
    """The breakers of all participants, shared by the threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, BreakerState] = {}
        self._read_at = -math.inf

    def of(self, name: str) -> BreakerState:
        """The participant's breaker, not older than a second; closed where there is no row."""
        self._refresh()
        return self._known.get(name) or BreakerState(name)

    def last_known(self, name: str) -> BreakerState:
        """As `of`, of any age."""
        return self._known.get(name) or BreakerState(name)

    def learn(self, rows: list[tuple[Any, ...]]) -> None:
        """Take over the rows that a statement of this process has just returned."""
        for row in rows:
            self._known[row[0]] = BreakerState.read(*row)

    def forget(self) -> None:
        """Read again at the next `of`."""
        self._read_at, self._known = -math.inf, {}

    def reread(self, name: str) -> BreakerState:
        """The participant's breaker as PostgreSQL has it now."""
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
                self._known = {row[0]: BreakerState.read(*row) for row in rows}
                self._read_at = time.monotonic()
        finally:
            self._lock.release()


breakers = BreakerCache()
