"""Tells infrastructure failures from failures of a handler, and those that somebody expects from all others.

Infrastructure failures use up no attempt, because the same work succeeds later.

Infrastructure means that the database or the broker was away, or that the database chose another transaction (a
deadlock). A statement that is wrong or too slow is a bug of its author: it uses up attempts and ends with a person.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerAway

from ..errors import CannotRead, PermanentFailure, RetryAfter
from ..sql import driver

BROKER_AWAY: tuple[type[Exception], ...] = (BrokerAway,)
if find_spec("redis") is not None:  # the extra `redis`
    import redis

    BROKER_AWAY += (redis.ConnectionError, redis.TimeoutError)

logger = logging.getLogger(__name__)
T = TypeVar("T")

MOST_IN_A_ROW = 20
"""How often in a row the same work may fail by infrastructure without using up an attempt: for about a quarter of an
hour. Work that ends the session each time is a bug.
"""

_TRANSIENT = (
    "08",  # connection exceptions
    "25006",  # read only: a standby that is about to take over
    "25P03",  # idle in transaction for too long: this process was frozen
    "40001",  # serialization failure
    "40003",  # the connection was lost as it committed
    "40P01",  # deadlock
    "53100",  # disk full
    "53300",  # too many connections
    "55P03",  # lock timeout
    "57P",  # shutting down, crashed, starting up, session terminated; not 57014, a statement cancelled as too slow
)
"""Codes and classes of codes of PostgreSQL; https://www.postgresql.org/docs/current/errcodes-appendix.html."""


LONGEST = 5.0  # seconds for which a worker retries to record its work
PAUSE_AFTER_FAILURE = 0.25  # seconds between two tries


def is_infrastructure(error: BaseException | None) -> bool:
    """Whether the error, or an error that caused it, comes from the database or the broker and passes by itself."""
    while error is not None:
        if isinstance(error, BROKER_AWAY):
            return True
        if isinstance(error, Error) and _is_transient(error):
            return True
        error = error.__cause__
    return False


def is_expected(error: BaseException) -> bool:
    """Whether the error's text says all that there is to know, so that the log needs no traceback.

    That is when the database, the broker or another system was away, did not answer, or said no in words of its own: an
    error of the network or of an HTTP call (by its attribute `response`), one that says of the other system by
    `is_there` whether anybody answered, and what a handler raises to be tried again or to be given up.
    """
    if isinstance(error, RetryAfter | PermanentFailure | CannotRead | ConnectionError | TimeoutError):
        return True
    of_a_call = hasattr(error, "response") and not isinstance(error, ValueError)  # a wrong URL is ours
    return of_a_call or hasattr(error, "is_there") or is_infrastructure(error)


def stack_of(error: BaseException) -> BaseException | None:
    """For a logger's `exc_info`: the error; None for one that somebody expects."""
    return None if is_expected(error) else error


def told(error: BaseException) -> None:
    """Note that the log has a line of this error, so that whoever catches it next need not write another."""
    vars(error)["outbox_told"] = True


def is_told(error: BaseException | None) -> bool:
    """Whether the log has a line of this very error."""
    return "outbox_told" in getattr(error, "__dict__", {})


def describe(error: BaseException) -> str:
    """The error as a sentence for an operator, so that nobody looks for the cause at a participant."""
    text = str(error).strip().partition("\n")[0]
    return f"Infrastructure failure, which uses up no attempt: {type(error).__qualname__}: {text}"


def write_with_retry(write: Callable[[], T], longest: float = LONGEST) -> T:
    """Call `write`, which records the result of some work in its own transaction. Returns what `write` returns.

    While the database is away, retries for up to `longest` seconds, over a new session when the old one is lost,
    because unrecorded work counts as a crash. Then raises the last error. A try whose answer was lost may have been
    committed, so `write` must tolerate being repeated. Inside the caller's transaction it is called once.
    """
    until = time.monotonic() + longest
    while True:
        try:
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            return write()
        except Error as error:
            if connection.in_atomic_block or not is_infrastructure(error) or time.monotonic() > until:
                raise
            logger.warning("The result of some work cannot be recorded; trying again", extra={"error": str(error)})
            time.sleep(PAUSE_AFTER_FAILURE)


def _is_transient(error: Error) -> bool:
    """By PostgreSQL's code. A session that is lost has none, and is reported in three ways."""
    code = driver.code_of(error)
    if code:
        return code.startswith(_TRANSIENT)
    lost = type(error) in (DatabaseError, OperationalError)
    return lost or (isinstance(error, InterfaceError) and "connection" in str(error))
