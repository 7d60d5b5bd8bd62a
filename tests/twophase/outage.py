"""The kill: a process dies when all have said yes and nothing is committed, and is started again after a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg2

from tests.bench.errors import BenchError
from tests.bench.report import Figures

from .databases import IN_DOUBT, cursor_on
from .order import DECIDED, HALF
from .session import HOT, Session
from .watch import LONG, Locks

TICK = 0.02  # seconds between two looks; a lock held for less is seen once, or not at all
FIRST, BETWEEN = 0.5, 0.2  # seconds from the kill to the first order, and between two
PATIENCE = 90.0  # seconds
GRACE = 3.0  # seconds that a coordinator without its log is given


def measure_kill(session: Session) -> Figures:
    """Kill, place orders into the outage, start the killed process again, and wait until all is done."""
    outage = Outage(session)
    placed = outage.orders_into()
    hot = [number for sku, number in placed if sku == HOT]
    other = [number for sku, number in placed if sku != HOT]
    done_hot, done_other = session.orders.count(hot), session.orders.count(other)
    outage.restart()
    outage.go_on(lambda: session.orders.count([outage.victim, *hot, *other]) == 1 + len(placed))
    locks = outage.locks
    return {
        "row_locked_s": locks.longest,
        "rows_locked": float(locks.rows),
        "in_doubt": float(locks.left),
        "locks_held": float(locks.locks),
        "sessions_waiting": float(locks.waiting),
        "hot_done": float(done_hot),
        "other_done": float(done_other),
        "hot_wait_s": max(map(session.orders.took, hot)),
        "other_wait_s": max(map(session.orders.took, other)),
        "killed_done_s": session.orders.done[outage.victim] - outage.killed,
        "resolved_s": outage.resolved,
    }


def measure_lost_log(session: Session) -> Figures:
    """The same when one database has committed, and the log is lost: what is still undecided after the restart."""
    if not session.contender.needs_log:
        return {}
    outage = Outage(session, HALF)
    waiting = session.place(HOT)
    outage.go_on(lambda: outage.since_kill > LONG)
    outage.restart(lose_log=True)
    outage.go_on(lambda: outage.since_restart > GRACE)
    left = outage.locks.look()
    still = session.orders.count([waiting])
    settle_by_hand(session.databases.shop, session.databases.stock)
    outage.go_on(lambda: session.orders.count([waiting]) == 1)
    return {"lost_log_in_doubt": float(left), "lost_log_hot_done": float(still)}


@dataclass
class Outage:
    """From the kill on. `resolved`: seconds from the restart until nothing was left over; None when nothing was."""

    session: Session
    dies_at: str = DECIDED

    def __post_init__(self) -> None:
        self.locks = Locks(self.session.databases)
        self.victim = self.session.place(HOT, self.dies_at)
        self.restarted = 0.0
        self.resolved: float | None = None
        self.killed = time.monotonic()
        self.go_on(self.session.contender.has_died)
        self.killed = time.monotonic()

    @property
    def since_kill(self) -> float:
        return time.monotonic() - self.killed

    @property
    def since_restart(self) -> float:
        return time.monotonic() - self.restarted

    def orders_into(self) -> list[tuple[str, str]]:
        """Place orders of that product and of others in turn until the outage is over: products and numbers."""
        placed: list[tuple[str, str]] = []
        for number, sku in enumerate(alternately(self.session)):
            at = FIRST + number * BETWEEN
            self.go_on(lambda at=at: self.since_kill > at)  # type: ignore[misc]
            placed.append((sku, self.session.place(sku)))
        self.go_on(lambda: self.since_kill > self.session.load.outage)
        return placed

    def restart(self, *, lose_log: bool = False) -> None:
        self.restarted = time.monotonic()
        self.session.contender.restart(lose_log=lose_log)

    def go_on(self, over: Callable[[], bool]) -> None:
        """Look, from outside, until it is over. Raises BenchError when it is not in time."""
        deadline = time.monotonic() + PATIENCE
        while not over():
            self._look()
            if time.monotonic() > deadline:
                raise BenchError(f"{self.session.contender.name} did not come to an end within {PATIENCE:g} s.")
            time.sleep(TICK)

    def _look(self) -> None:
        self.session.orders.look()
        left = self.locks.look()
        if self.restarted and not left and self.locks.left and self.resolved is None:
            self.resolved = self.since_restart


def alternately(session: Session) -> Iterator[str]:
    """The products of the orders placed into an outage."""
    load = session.load
    others = load.skus[1:]
    for number in range(max(load.hot, load.other)):
        if number < load.hot:
            yield HOT
        if number < load.other:
            yield others[number]


def settle_by_hand(shop: str, stock: str) -> None:
    """What a person does without the log: finish in the one database what the other shows to have been committed.

    That works only because here one of the two has committed, and because the person knows what the rows mean.
    """
    with cursor_on(stock) as books, cursor_on(shop) as orders:
        books.execute(IN_DOUBT)
        for (gid,) in books.fetchall():
            orders.execute("SELECT 1 FROM lab_order WHERE number = %s", [gid.split(":")[3]])
            verb = "COMMIT" if orders.fetchone() else "ROLLBACK"
            try:
                books.execute(f"{verb} PREPARED %s", [gid])
            except psycopg2.errors.UndefinedObject:
                continue  # of a living coordinator, which was quicker
