"""The transaction that records a step: the engine's statement, and whatever the host's hook does.

A hook that only publishes costs no transaction of its own: its events are written by the statement that records. The
first statement of a hook that does more opens the transaction, and is preceded by the record, since the run is locked
before anything of the host's, everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from django.db import Error as DatabaseError
from django.db import connection, transaction

from outbox import doorbell
from outbox.publishing.publish import gathering, stop_gathering
from outbox.sql import NewMessage, driver

from ..errors import LeaseLost, RecordingFailed

logger = logging.getLogger(__name__)
T = TypeVar("T")
Record = Callable[[list[NewMessage]], T]


@contextmanager
def recording(*, savepoint: bool = False) -> Iterator[None]:
    """One transaction. Should something that the host left for after the commit fail, the record stands: it is logged.

    Treated as a failed record, it would leave the step that the same commit claimed without a worker.
    `savepoint`: within a caller's transaction, a test's for example, roll back this part alone.
    """
    committed: list[bool] = []
    try:
        with transaction.atomic(savepoint=savepoint):
            transaction.on_commit(lambda: committed.append(True))
            yield
    except Exception:
        if not committed:
            raise
        logger.exception("saga.after_commit_failed")


@contextmanager
def hooks() -> Iterator[None]:
    """Around the host's hooks: what they raise is never taken for the participant's answer.

    Nor is a transaction that they left to be rolled back taken for a record. Raises RecordingFailed.
    """
    try:
        yield
    except (DatabaseError, LeaseLost):  # the record that precedes a hook's first statement is made in the hook
        raise
    except Exception as error:
        raise RecordingFailed(f"a hook raised {type(error).__qualname__}: {error}") from error
    if is_lost():
        raise RecordingFailed(
            "a hook left the transaction to be rolled back: it swallowed a database error, or asked for it. "
            "Wrap what may fail in transaction.atomic(), or let the error through."
        )


def is_lost() -> bool:
    """Whether the transaction in hand can only be rolled back: an error was swallowed, or somebody marked it so.

    Django, and PostgreSQL, then roll back where they were told to commit, and say nothing.
    """
    return connection.needs_rollback or driver.transaction_status() == driver.ABORTED


def recorded_with(hook: Callable[[], None], record: Record[T]) -> T:
    """Run `hook` and `record` in one transaction; returns what `record` does, and raises what either raises.

    `record` writes the messages that it is given too.
    """
    if connection.in_atomic_block:  # the caller's transaction, with the run locked
        value = record([])
        hook()
        return value
    opened: _Opened[T] = _Opened(record)
    with recording(), gathering() as messages:
        opened.messages = messages
        waiting = len(connection.run_on_commit)
        with connection.execute_wrapper(opened.before):
            hook()
        if opened.failure or len(connection.run_on_commit) > waiting or driver.transaction_status() == driver.OPEN:
            opened.open()
    value = opened.value[0] if opened.value else record(messages)
    if messages:
        doorbell.ring()
    return value


class _Opened(Generic[T]):
    """Whether the record was made within the transaction, before the hook's first statement."""

    def __init__(self, record: Record[T]) -> None:
        self.record = record
        self.messages: list[NewMessage] = []
        self.value: list[T] = []
        self.failure: Exception | None = None
        self.recording = False

    def before(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Wraps the hook's statements, and those of the record itself."""
        if not self.recording:
            self.open()
        return execute(*statement)

    def open(self) -> None:
        """Make the record, once. Its failure is the transaction's, even where the hook swallows it."""
        if self.value:
            return
        if self.failure is None:
            stop_gathering()
            self.recording = True
            try:
                self.value.append(self.record(self.messages))
            except Exception as error:
                self.failure = error
            finally:
                self.recording = False
        if self.failure is not None:
            raise self.failure
