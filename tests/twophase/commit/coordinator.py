"""The coordinator of two-phase commit: two databases take an order, or neither does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.twophase.databases import Databases
from tests.twophase.order import AT_ONCE, HALF, PREPARED, STOCK_FIRST, Latency, Order, die

from .branch import Branch, record_order, take_stock
from .journal import Journal


class Coordinator:
    """Used by several threads; each has its own connections.

    `how` says in which order the databases are asked. The stock's row, which other orders want, is locked for longest
    when it is asked first, and as briefly as can be when it is asked last. It is released first in any case.
    """

    def __init__(self, databases: Databases, journal: Journal, latency: Latency, how: str, threads: int) -> None:
        self._databases, self._journal, self._latency, self._how = databases, journal, latency, how
        self._helpers = ThreadPoolExecutor(threads) if how == AT_ONCE else None
        self._mine = threading.local()

    def carry_out(self, order: Order) -> None:
        """Both phases. Raises Refused, or the database's error, when the order was aborted."""
        shop, stock = self._branches()
        transaction = self._journal.name(order.number)
        try:
            first, second = (stock, shop) if self._how == STOCK_FIRST else (shop, stock)
            self._both(first, second, lambda branch: branch.work(order))
            self._both(first, second, lambda branch: branch.prepare(transaction))
        except BaseException:
            for branch in (stock, shop):
                branch.abort(transaction)
            raise
        self._commit(order, transaction, shop, stock)

    def _commit(self, order: Order, transaction: str, shop: Branch, stock: Branch) -> None:
        """Both have voted yes. The forced record in the log is the commit; the rest is telling them."""
        if order.dies_at == PREPARED:
            die()
        self._journal.commit(transaction)
        if order.dies_at == HALF:
            shop.commit(transaction)
        if order.dies_at:
            die()
        self._both(stock, shop, lambda branch: branch.commit(transaction))
        self._journal.done(transaction)

    def _both(self, first: Branch, second: Branch, act: Callable[[Branch], None]) -> None:
        """One after the other, or at once; an error is raised when both have come to an end."""
        if self._helpers is None:
            act(first)
            act(second)
            return
        other = self._helpers.submit(act, second)
        try:
            act(first)
        finally:
            failed = other.exception()
        if failed:
            raise failed

    def _branches(self) -> tuple[Branch, Branch]:
        if not hasattr(self._mine, "branches"):
            self._mine.branches = (
                Branch("shop", self._databases.shop, record_order, self._latency),
                Branch("stock", self._databases.stock, take_stock, self._latency),
            )
        branches: tuple[Branch, Branch] = self._mine.branches
        return branches
