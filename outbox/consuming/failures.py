"""Whose failure is it? Ours, where the database or the broker was away or gave way to somebody else: nobody was asked,
or it does not matter what they said, and the same succeeds later. It spends no attempt of whoever met it.

A statement that is wrong, or too slow, is its author's bug: it fails again, and ends where a person looks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerAway

from ..sql import driver

BROKER_AWAY: tuple[type[Exception], ...] = (BrokerAway,)
if find_spec("redis") is not None:  # the extra `redis`
    import redis

    BROKER_AWAY += (redis.ConnectionError, redis.TimeoutError)

logger = logging.getLogger(__name__)
T = TypeVar("T")

MOST = 20
"""How often in a row the same work may fail by us at no cost: for a quarter of an hour. What ends the session each
time is a bug after all."""

_TRANSIENT = (
    "08",  # connection exceptions
    "25006",  # read only: a standby that is about to take over
    "25P03",  # idle in its transaction for too long: we were frozen
    "40001",  # serialization failure
    "40003",  # the connection was lost as it committed
    "40P01",  # deadlock
    "53100",  # disk full
    "53300",  # too many connections
    "55P03",  # lock timeout
    "57P",  # shutting down, crashed, starting up, told to end; not 57014: a statement that was cancelled as too slow
)
"""Codes, and classes of codes, of PostgreSQL; https://www.postgresql.org/docs/current/errcodes-appendix.html."""


LONGEST = 5.0  # seconds for which a worker holds on to what it has to write down
BREATH = 0.25


def is_ours(error: BaseException | None) -> bool:
    """Whether the error, or what it was raised from, is the database's or the broker's and passes by itself."""
    while error is not None:
        if isinstance(error, BROKER_AWAY):
            return True
        if isinstance(error, Error) and _is_transient(error):
            return True
        error = error.__cause__
    return False


def in_words(error: BaseException) -> str:
    """The error for an operator, who need not look for it at a participant."""
    text = str(error).strip().partition("\n")[0]
    return f"Our own failure, which spends no attempt: {type(error).__qualname__}: {text}"


def written(write: Callable[[], T], longest: float = LONGEST) -> T:
    """Write down what became of some work, in one transaction of `write`'s own; returns what it returns.

    Over a new session when the old one is lost, and again for up to `longest` seconds while the database is away:
    what is not written down counts as work that ended with its worker. Raises the last error after that. `write` may
    have been committed by a try whose answer was lost, and must bear that. In a caller's transaction it is called once.
    """
    until = time.monotonic() + longest
    while True:
        try:
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            return write()
        except Error as error:
            if connection.in_atomic_block or not is_ours(error) or time.monotonic() > until:
                raise
            logger.warning("The database does not take what became of some work; again", extra={"error": str(error)})
            time.sleep(BREATH)


def _is_transient(error: Error) -> bool:
    """By PostgreSQL's code. A session that is lost has none, and is reported in three ways."""
    code = driver.code_of(error)
    if code:
        return code.startswith(_TRANSIENT)
    lost = type(error) in (DatabaseError, OperationalError)
    return lost or (isinstance(error, InterfaceError) and "connection" in str(error))
