"""A hand: the runs that one thread carries out together, a step of each and then one record for all.

A call that does not return would keep the others waiting, and their leases running. So another thread may take the rest
of a hand away: those that wait for their call, and those that wait for their record.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from outbox.messages import trace

from ..engine.continuation import Continuation, RetryIn, RunNext, Stop
from ..engine.done import Called, record_together
from ..engine.executor import call, proceed, settle_alone
from ..engine.taking import TakenStep
from ..participants.answers import Done
from .flower_events import Family, Shown
from .pace import pace

logger = logging.getLogger(__name__)


class Ends(Protocol):
    """Told when a hand is through with a run: what the run's chain does next; None when nobody knows."""

    def __call__(self, step: TakenStep, then: Continuation | None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Done:
    """A step whose participant has done it; it waits for its record."""

    step: TakenStep
    called: Called


class Hand:
    """Runs in one thread's hand. Only `rest` may be called by another thread."""

    def __init__(
        self,
        steps: Iterable[TakenStep],
        family: Family,
        ends: Ends,
        deal: Callable[[TakenStep], None],
        *,
        stays: bool = True,
        done: Sequence[_Done] = (),
    ) -> None:
        """`deal` gives a run whose step is slow to another thread; with `stays` not the last run of the hand."""
        self._stays = stays
        self._waiting = deque(steps)
        self._done = list(done)
        self._next: list[TakenStep] = []
        """Runs whose next step this round has claimed already."""
        self._family, self._ends, self._deal = family, ends, deal
        self._lock = threading.Lock()
        self._busy_since: float | None = None

    def carry(self) -> None:
        """Carry all out until each has ended, or is somebody else's."""
        try:
            while self._waiting or self._done:
                while (step := self._begin()) is not None:
                    self._carry_one(step)
                    self._busy_since = None
                self._record()
        except BaseException:
            for step in [*self._waiting, *self._next, *(one.step for one in self._done)]:
                self._ends(step, None)  # their leases end, and they go on
            raise

    def rest(self, after: float) -> Hand | None:
        """What waits behind a call that has taken more than `after` seconds; None when nothing does."""
        with self._lock:
            since = self._busy_since
            if since is None or time.monotonic() - since < after:
                return None
            if self.is_empty:
                return None
            rest = Hand(self._waiting, self._family, self._ends, self._deal, done=self._done)
            rest._next = self._next
            self._waiting, self._done, self._next = deque(), [], []
            return rest

    def drop_unbegun(self) -> list[TakenStep]:
        """Take out the steps whose participants were not asked, and return them. Before anybody carries it."""
        unbegun = [*self._waiting, *self._next]
        self._waiting, self._next = deque(), []
        return unbegun

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to carry out, or to record."""
        return not (self._waiting or self._done or self._next)

    def _begin(self) -> TakenStep | None:
        with self._lock:
            if not self._waiting:
                return None
            self._busy_since = time.monotonic()
            return self._waiting.popleft()

    def _carry_one(self, step: TakenStep) -> None:
        if pace.is_slow(step.work.step) and not (self._stays and self.is_empty):
            self._deal(step)
            return
        try:
            with trace.use(step.trace), Shown(self._family, step.work) as shown:
                then = self._then(step)
                if isinstance(then, RetryIn):
                    shown.retried(then.why)
        except Exception as error:
            self._give_up(step, error)
            return
        if then is not None:
            self._went(step, then)

    def _then(self, step: TakenStep) -> Continuation | None:
        """What follows from the step; None when it waits for its record."""
        work = step.work
        if work.step.local:  # its call is its record
            return proceed(work)
        began = time.monotonic()
        called = call(work)
        pace.note(work.step, time.monotonic() - began)
        if isinstance(called, Stop):
            return called
        if not isinstance(called.answer, Done):
            return settle_alone(called)
        with self._lock:
            self._done.append(_Done(step, called))
        return None

    def _record(self) -> None:
        """Record what is done; the steps that this claims are the next round."""
        with self._lock:
            done, self._done = self._done, []
        try:
            answers = record_together([one.called for one in done])
        except BaseException:
            self._done += done
            raise
        for one, answer in zip(done, answers, strict=True):
            if isinstance(answer, Called):
                self._settle(one.step, answer)
            else:
                self._went(one.step, answer)
        with self._lock:
            self._waiting.extend(self._next)
            self._next = []

    def _settle(self, step: TakenStep, called: Called) -> None:
        self._busy_since = time.monotonic()
        try:
            with trace.use(step.trace):
                then = settle_alone(called)
        except Exception as error:
            self._give_up(step, error)
        else:
            self._went(step, then)
        self._busy_since = None

    def _give_up(self, step: TakenStep, error: Exception) -> None:
        """What became of it could not be written down either: its lease ends, and its run goes on."""
        logger.error("saga.step_given_up", exc_info=error, extra=step.work.facts)
        self._ends(step, None)

    def _went(self, step: TakenStep, then: Continuation) -> None:
        if isinstance(then, RunNext):
            with self._lock:
                self._next.append(replace(step, work=then.work))
        else:
            self._ends(step, then)
