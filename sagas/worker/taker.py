"""Takes runs that wait for any worker, as long as there are any, and carries many of them out together.

The task `sagas.take` says only that there is work; PostgreSQL hands it out. One thread of a process takes. Steps that
are quick it carries out itself, one run after the other, and records them together; a run whose step is slow goes to a
thread of the crew. Where all of those are busy the run goes back, to wait for its own message as any other.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import Task

from outbox.messages import trace

from ..declare import registry
from ..declare.saga import Saga
from ..declare.step import Step
from ..engine.continuation import Continuation, Queued
from ..engine.letting_in import let_in
from ..engine.run_ready import RunReady
from ..engine.slow_starts import slow_starts
from ..engine.taking import Taken, TakenStep, give_back, take
from ..engine.work import Worker
from ..participants.lookup import is_known_away
from ..settings import saga_settings
from . import in_place
from .chains import chain_of, send, take_task
from .crew import crew
from .flower_events import Family
from .hand import Hand
from .in_hand import lay_down, pick_up
from .in_place import is_stopping, next_task_id, send_rest
from .pace import pace
from .promise import Promise

logger = logging.getLogger(__name__)
ENOUGH = 16  # runs in a hand: more in one statement are hardly cheaper
GATHER_FOR = 0.015
"""Seconds after a look that found fewer than ENOUGH, and before the next: others start meanwhile, and come together."""
SEEN_AGAIN = 1 / 32  # of the looks, in which runs at a slow step are taken all the same
LOOKS_IN_VAIN = 2
"""After so many looks in a row a taker that has found something ends."""


@dataclass(eq=False)
class Turn:
    """One task's time of taking."""

    family: Family
    began: float = field(default_factory=time.monotonic)
    promise: Promise = field(default_factory=Promise)
    carried: int = 0
    """Runs that were taken in it and are still in this process."""

    @property
    def is_over(self) -> bool:
        """Whether to leave what follows to another task: this one has run for as long as a task may."""
        return is_stopping() or time.monotonic() - self.began >= saga_settings.IN_PLACE_BUDGET.total_seconds()

    def ahead(self, _step: Step[Any, Any]) -> str | None:
        return next_task_id(self.began)


class Taker:
    """Who takes, in this process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._turn: Turn | None = None
        """Whose turn it is."""
        self._told = False
        self._carried = 0
        self._queued = False
        """Whether runs may wait for the turn of their share."""

    def work(self, task: Task[..., None], *, queued: bool = False) -> None:
        """Take and carry out until nothing is left; returns at once when a thread of this process is at it already.

        `queued` says that runs wait for the turn of their share.
        """
        turn = Turn(Family.of(task.request))
        with self._changed:
            self._queued |= queued
            self._told = True
            if self._turn is not None:
                self._changed.notify_all()
                return
            self._turn = turn
        try:
            if self._take_all(turn) and self._give_up(turn):
                send([take_task(queued=self._queued)])
        finally:
            self._give_up(turn)
            with self._changed:
                self._changed.wait_for(lambda: turn.carried == 0)

    def _take_all(self, turn: Turn) -> bool:
        """Take until nothing is left; returns whether another task is to go on."""
        in_vain = LOOKS_IN_VAIN
        while self._turn is turn and not turn.is_over:
            most = self._wait_for_room(turn)
            if not most:
                continue
            if in_vain < LOOKS_IN_VAIN:
                turn.promise.renew()
            else:
                turn.promise.take_back()
            looked = time.monotonic()
            taken = self._take(most, Worker(turn.family.hostname, "", turn.ahead, pools=True))
            _send_chains(taken.left)
            slow_starts.remember(_slow_at_start(taken.left))
            if taken.found:
                in_vain = 0
                self._carry(turn, taken.steps)
            elif in_vain < LOOKS_IN_VAIN or self._stays(turn):
                in_vain += 1
            else:
                return False
            if taken.found < ENOUGH:
                time.sleep(max(looked + GATHER_FOR - time.monotonic(), 0))
        return self._turn is turn

    def _take(self, most: int, worker: Worker) -> Taken:
        """Half of what there is room for is for runs that share nothing; the rest for those whose turn it is."""
        if not self._queued:
            return take(most, worker, _wants)
        half = (most + random.getrandbits(1)) // 2
        others = take(half, worker, _wants) if half else Taken()
        let = let_in(most - others.found)
        if not let.some_wait:
            with self._changed:
                self._queued = self._told
        _send_chains(let.apart)
        shared = take(most, worker, _wants, these=let.pooled) if let.pooled else Taken()
        found = others.found + shared.found + len(let.apart)
        return Taken(shared.steps + others.steps, shared.left + others.left, found)

    def _wait_for_room(self, turn: Turn) -> int:
        """How many runs to take now; waits a moment while there is no room for any."""
        with self._changed:
            most = self._room()
            if most:
                self._told = False
            else:
                self._changed.wait(0.1)
            return most

    def _room(self) -> int:
        room, idle = max(saga_settings.HAND, 1) - self._carried, crew.idle
        return max(room if idle == crew.size else min(room, idle), 0)

    def _stays(self, turn: Turn) -> bool:
        """After the last look in vain: whether to look again. If not, whoever is told from now on takes."""
        with self._changed:
            if not self._told and turn.carried:
                self._changed.wait_for(lambda: self._told or not turn.carried, 0.1)
                return True
            if self._told:
                return True
            self._turn = None
            return False

    def _give_up(self, turn: Turn) -> bool:
        """From now on another thread may take; returns whether it was this one's turn."""
        with self._changed:
            if self._turn is not turn:
                return False
            self._turn = None
        turn.promise.take_back()
        return True

    def _carry(self, turn: Turn, steps: Sequence[TakenStep]) -> None:
        with self._changed:
            turn.carried += len(steps)
            self._carried += len(steps)
        for one in steps:
            pick_up(one.work.run_id)
        hand = self._hand(turn, steps, stays=False)
        try:
            crew.carry(hand, lambda rest: self._stalled(turn, rest))
        except BaseException:
            hand.give_up()
            raise

    def _stalled(self, turn: Turn, rest: Hand) -> None:
        """The thread that takes is held up by a step: another one goes on with the rest, and another takes."""
        try:
            self._deal(turn, rest)
        finally:
            if self._give_up(turn):
                send([take_task()])

    def _hand(self, turn: Turn, steps: Iterable[TakenStep], *, stays: bool = True) -> Hand:
        return Hand(
            steps,
            turn.family,
            lambda step, then: self._ended(turn, step, then),
            lambda step: self._pass_on(turn, step),
            stays=stays,
        )

    def _pass_on(self, turn: Turn, step: TakenStep) -> None:
        """A run whose participant is away waits for it as any other; a slow step is a thread's of its own."""
        if is_known_away(step.work.step.participant):
            self._give_back(turn, [step])
        else:
            self._deal(turn, self._hand(turn, [step]))

    def _deal(self, turn: Turn, hand: Hand) -> None:
        """Give the hand to a thread of the crew; where none is idle, give back what was not begun."""
        if hand.is_empty:
            return
        try:
            if crew.take_on(hand, lambda rest: self._deal(turn, rest)):
                return
            self._give_back(turn, hand.drop_unbegun())
            if not hand.is_empty:  # what waits for its record shall not wait for a thread
                crew.take_on(hand, lambda rest: self._deal(turn, rest), one_more=True)
        except BaseException:
            hand.give_up()
            raise

    def _give_back(self, turn: Turn, steps: Sequence[TakenStep]) -> None:
        if not steps:
            return
        try:
            given = give_back(steps)
        except Exception:  # the database is away: the leases end
            logger.exception("saga.not_given_back", extra={"runs": len(steps)})
        else:
            _send_chains([(_ready(one), one.trace) for one in given])
        finally:
            for one in steps:
                self._leave(turn, one)

    def _ended(self, turn: Turn, step: TakenStep, then: Continuation | None) -> None:
        try:
            if isinstance(then, Queued):
                self._tell()
            elif then is not None:
                with trace.use(step.trace):
                    send_rest(then, step.work)
        except Exception:  # the broker is away: the sweep sends it
            logger.exception("saga.rest_not_sent", extra=step.work.facts)
        finally:
            self._leave(turn, step)
            if step.shares:
                self.tell_of_shares()

    def tell_of_shares(self) -> None:
        """A run of a share has gone on or ended: others may be let in. Should that not be sent, the sweep sends it."""
        with self._changed:
            self._queued = True
        try:
            self._tell()
        except Exception:
            logger.exception("saga.shares_not_told")

    def _tell(self) -> None:
        """A run waits for any worker: who takes here shall look; where nobody does, a message says so."""
        with self._changed:
            if self._turn is not None:
                self._told = True
                self._changed.notify_all()
                return
        send([take_task(queued=self._queued)])

    def look_again(self) -> None:
        """There may be room for more runs."""
        with self._changed:
            self._changed.notify_all()

    def _leave(self, turn: Turn, step: TakenStep) -> None:
        lay_down(step.work.run_id)
        with self._changed:
            turn.carried -= 1
            self._carried -= 1
            self._changed.notify_all()


def _wants(step: Step[Any, Any]) -> bool:
    """Not a step that is slow here: its run gains nothing by a hand. Now and then one, to see whether it still is."""
    return not pace.is_slow(step) or random.random() < SEEN_AGAIN


def _slow_at_start(left: Iterable[tuple[RunReady, trace.Trace]]) -> set[Saga[Any]]:
    """The sagas of the runs that were not taken because their first step is slow."""
    first = (registry.find(one.saga, one.version).steps[0] for one, _ in left if one.position == 0)
    return {step.saga for step in first if pace.is_slow(step)}


def _ready(step: TakenStep) -> RunReady:
    work = step.work
    return RunReady(work.run_id, work.saga.name, work.saga.version, undo=False, position=work.step.position)


def _send_chains(runs: Sequence[tuple[RunReady, trace.Trace]]) -> None:
    """Where the broker is away the sweep sends them: nothing else that was taken waits for it."""
    try:
        if runs:
            send([_chain(ready, traced) for ready, traced in runs])
    except Exception:
        logger.exception("saga.chains_not_sent", extra={"runs": len(runs)})


def _chain(ready: RunReady, traced: trace.Trace) -> Any:
    with trace.use(traced):
        return chain_of(ready)


taker = Taker()
crew.when_idle = taker.look_again
in_place.when_shared = taker.tell_of_shares
