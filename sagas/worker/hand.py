"""A hand: the runs that one thread carries out together, a step of each and then one record for all.

A call that does not return would keep the others waiting, and their leases running. So another thread may take the rest
of a hand away: those that wait for their call, and those that wait for their record.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from outbox.messages import trace

from ..engine.continuation import Continuation, RetryIn, RunNext, Stop
from ..engine.done import Called, record_together
from ..engine.executor import call, proceed, settle_alone
from ..engine.taking import TakenStep
from ..participants.answers import Done
from ..participants.lookup import is_known_away
from .flower_events import Family, Shown
from .pace import pace

logger = logging.getLogger(__name__)
LATE, TOO_LATE = 0.01, 3
"""Seconds that a call may take, and how often it may take longer before the rest of the round goes to other threads: a
step that has become slow is not known as such by then."""
RECORDING = 0.9  # seconds that a record of many, with their hooks, may take longer than a call


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
    ) -> None:
        """`deal` gives a run whose step is slow, or whose participant is away, to somebody else; with `stays` the last
        run of the hand is not given away for being slow.
        """
        self._stays = stays
        self._waiting = deque(steps)
        self._done: list[_Done] = []
        self._apart: deque[_Done] = deque()
        """Those that could not be recorded with the others."""
        self._next: list[TakenStep] = []
        """Runs whose next step this round has claimed already."""
        self._over: deque[tuple[TakenStep, Continuation]] = deque()
        """Runs that this hand is through with, and of which nobody was told yet."""
        self._at: TakenStep | None = None
        """The one that it is at."""
        self._family, self._ends, self._deal = family, ends, deal
        self._lock = threading.Lock()
        self._late = 0
        """Calls of this round that were late."""
        self._busy_since: float | None = None
        self._stalled_since: float | None = None
        """The same, of the call that another thread has already been told of."""

    def carry(self) -> None:
        """Carry all out until each has ended, or is somebody else's."""
        try:
            while not self.is_empty:
                while (step := self._begin()) is not None:
                    self._carry_one(step)
                self._record()
                self._tell()
                while (one := self._begin_apart()) is not None:
                    self._settle(one)
                with self._lock:
                    self._waiting.extend(self._next)
                    self._next = []
        except BaseException:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Leave all that there is: the leases end, and the runs go on."""
        with self._lock:
            unrecorded = [one.step for one in (*self._done, *self._apart)]
            at = [self._at] if self._at is not None else []
            left = [*at, *self._waiting, *self._next, *unrecorded, *(step for step, _ in self._over)]
            self._waiting, self._done, self._apart, self._next = deque(), [], deque(), []
            self._at, self._over = None, deque()
        for step in left:
            self._ends(step, None)

    def rest(self, after: float) -> Hand | None:
        """What waits behind a call that has taken more than `after` seconds, be it nothing; None where none has.

        Of each call somebody is told once, and again when something waits.
        """
        with self._lock:
            since = self._busy_since
            if since is None or time.monotonic() - since < after:
                return None
            if self.is_empty and since == self._stalled_since:
                return None
            self._stalled_since = since
            rest = Hand(self._waiting, self._family, self._ends, self._deal)
            rest._done, rest._apart, rest._next = self._done, self._apart, self._next
            self._waiting, self._done, self._apart, self._next = deque(), [], deque(), []
            return rest

    def drop_unbegun(self) -> list[TakenStep]:
        """Take out the steps whose participants were not asked, and return them. Before anybody carries it."""
        unbegun = [*self._waiting, *self._next]
        self._waiting, self._next = deque(), []
        return unbegun

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to carry out, or to record."""
        return not (self._waiting or self._done or self._apart or self._next)

    def _begin(self) -> TakenStep | None:
        with self._lock:
            if not self._waiting:
                return None
            self._busy_since = time.monotonic()
            self._at = self._waiting.popleft()
            return self._at

    def _begin_apart(self) -> _Done | None:
        with self._lock:
            if not self._apart:
                return None
            self._busy_since = time.monotonic()
            one = self._apart.popleft()
            self._at = one.step
            return one

    def _carry_one(self, step: TakenStep) -> None:
        if self._is_anothers(step):
            self._busy_since = self._at = None
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
        self._busy_since = None

    def _is_anothers(self, step: TakenStep) -> bool:
        declared = step.work.step
        if is_known_away(declared.participant):
            return True
        return (self._late >= TOO_LATE or pace.is_slow(declared)) and not (self._stays and self.is_empty)

    def _then(self, step: TakenStep) -> Continuation | None:
        """What follows from the step; None when it waits for its record."""
        work = step.work
        if work.step.local:  # its call is its record
            return proceed(work)
        began = time.monotonic()
        called = call(work)
        took = time.monotonic() - began
        pace.note(work.step, took)
        self._late += took > LATE
        if isinstance(called, Stop):
            return called
        if not isinstance(called.answer, Done):
            return settle_alone(called)
        with self._lock:
            self._done.append(_Done(step, called))
            self._at = None
        return None

    def _record(self) -> None:
        """Record what is done; the steps that this claims are the next round."""
        with self._lock:
            done, self._done = self._done, []
            self._late = 0
            if len(done) == 1:  # recorded by itself it shares a statement with what other threads record
                self._apart.extend(done)
                return
            self._busy_since = time.monotonic() + RECORDING
        try:
            answers = record_together([one.called for one in done])
        except BaseException:
            with self._lock:
                self._done += done
            raise
        with self._lock:
            self._busy_since = None
            for one, answer in zip(done, answers, strict=True):
                if isinstance(answer, Called):
                    self._apart.append(_Done(one.step, answer))
                elif isinstance(answer, RunNext):
                    self._next.append(replace(one.step, work=answer.work))
                else:
                    self._over.append((one.step, answer))

    def _tell(self) -> None:
        """Say which runs this hand is through with."""
        while self._over:
            step, then = self._over.popleft()
            self._busy_since = time.monotonic()  # a broker that does not answer
            self._ends(step, then)
        self._busy_since = None

    def _settle(self, one: _Done) -> None:
        """Those behind one that waits for a lock are another thread's soon."""
        try:
            with trace.use(one.step.trace):
                then = settle_alone(one.called)
        except Exception as error:
            self._give_up(one.step, error)
        else:
            self._went(one.step, then)
        self._busy_since = None

    def _give_up(self, step: TakenStep, error: Exception) -> None:
        """What became of it could not be written down either: its lease ends, and its run goes on."""
        logger.error("saga.step_given_up", exc_info=error, extra=step.work.facts)
        self._busy_since = self._at = None
        self._ends(step, None)

    def _went(self, step: TakenStep, then: Continuation) -> None:
        self._at = None
        if isinstance(then, RunNext):
            with self._lock:
                self._next.append(replace(step, work=then.work))
        else:
            self._ends(step, then)
