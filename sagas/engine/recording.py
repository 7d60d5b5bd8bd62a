"""The transaction that records a step: the engine's statement, and whatever the host's hook does.

A hook that only publishes costs no transaction of its own: its events are written by the statement that records. The
first statement of a hook that does more opens the transaction, and is preceded by the record, since the run is locked
before anything of the host's, everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from django.db import Error as DatabaseError
from django.db import connection, transaction

from outbox import doorbell
from outbox.publishing.publish import gathering, stop_gathering
from outbox.sql import NewMessage, driver, insert_messages

from ..errors import LeaseLost, RecordingFailed

logger = logging.getLogger(__name__)
T = TypeVar("T")
Record = Callable[[list[NewMessage]], T]
Messages = list[list[NewMessage] | None]
"""Of each run, in order; None for one that is not to be recorded."""


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
    shared = Shared([hook])

    def record_one(messages: Messages) -> list[T | None]:
        return [None if messages[0] is None else record(messages[0])]

    (row,) = shared.record(record_one)
    if (failure := shared.failures[0]) is not None:
        raise failure
    return cast(T, row)


class Shared:
    """The hooks of one or several runs, and the record of all, in one transaction; `record` of it is called once.

    Hooks that only publish cost no transaction. The first statement of any hook records all runs first; from then on a
    hook runs only for a run that was recorded, and a failure of one is the failure of all.
    """

    def __init__(self, hooks: Sequence[Callable[[], None] | None]) -> None:
        self._hooks = hooks
        self._messages: list[list[NewMessage]] = [[] for _ in hooks]
        self._callbacks: list[list[Any]] = [[] for _ in hooks]
        """What each hook left for after the commit."""
        self._late: list[NewMessage] = []
        """Messages that hooks published after the record, in order."""
        self._record: Callable[[Messages], list[Any | None]]
        self._rows: list[Any | None] | None = None
        self._broken: Exception | None = None
        """Why the record failed: then all has failed, even where the hook swallows it."""
        self._recording = False
        self._at = self._written = 0
        """The place of the hook that runs, and how many of its messages are written, or on their way in `_late`."""
        self.writers: set[int] = set()
        """The places of the hooks that have sent statements."""
        self.failures: list[Exception | None] = [None] * len(hooks)
        """Of hooks that failed before anything was written, by place."""

    def record(self, record: Callable[[Messages], list[T | None]]) -> list[T | None]:
        """Run the hooks and `record`; returns its rows. It is given each run's messages, None for one to be left out.

        Raises what a hook raises after the first has written, and what `record` raises.
        """
        self._record = record
        if any(self._hooks):
            with recording():
                waiting = len(connection.run_on_commit)
                with connection.execute_wrapper(self._before):
                    for place, hook in enumerate(self._hooks):
                        if hook is not None:
                            self._at = place
                            self._run(hook)
                if len(connection.run_on_commit) > waiting:
                    self._open()
                self._forget_callbacks()
                self._write_late()
        rows = self._write() if self._rows is None else self._rows
        if any(self._messages):
            doorbell.ring()
        return rows

    def _run(self, hook: Callable[[], None]) -> None:
        if self._is_left_out():
            return
        self._written = 0
        registered = len(connection.run_on_commit)
        try:
            with gathering() as messages:
                self._messages[self._at] = messages
                hook()
        except Exception as error:
            if self._broken is None and not self._is_left_out():  # else it was turned away at its first statement
                self._fail(error)
                del connection.run_on_commit[registered:]
        if self._broken is not None:
            raise self._broken
        if self._rows is None and _has_begun():
            self._open()
            if self._is_left_out():
                raise LeaseLost("The run was not recorded, and its hook wrote past Django.")
        if self._is_left_out():
            transaction.set_rollback(False)  # which Django asked for as the hook was turned away: it wrote nothing
        self._callbacks[self._at] = connection.run_on_commit[registered:]
        self._keep_late()

    def _fail(self, error: Exception) -> None:
        """Leave out the run whose hook failed; raises the error when that cannot be undone for this run alone."""
        if self._rows is not None or _has_begun():
            raise error
        self.failures[self._at] = error
        transaction.set_rollback(False)  # nothing was written

    def _before(self, execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        """Wraps the hooks' statements, and those of the record itself."""
        if not self._recording:
            self.writers.add(self._at)
            self._open()
            if self._is_left_out():
                raise LeaseLost("The run was not recorded with the others.")
            if sql.startswith("SAVEPOINT"):  # what is published in it may be taken back with it
                self._keep_late()
                self._write_late()
                stop_gathering()
        return execute(sql, *others)

    def _open(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._rows is None:
            self._written = len(self._messages[self._at])
            try:
                self._rows = self._write()
            except Exception as error:
                self._broken = error
                raise

    def _keep_late(self) -> None:
        messages = self._messages[self._at]
        if self._rows is not None and not self._is_left_out():
            self._late += messages[self._written :]
            self._written = len(messages)

    def _write_late(self) -> None:
        late, self._late = self._late, []
        if late:
            self._recording = True
            try:
                insert_messages(late)
            finally:
                self._recording = False

    def _write(self) -> list[Any | None]:
        self._recording = True
        try:
            failed = zip(self._messages, self.failures, strict=True)
            return self._record([None if failure is not None else messages for messages, failure in failed])
        finally:
            self._recording = False

    def _is_left_out(self) -> bool:
        return self._rows is not None and self._rows[self._at] is None

    def _forget_callbacks(self) -> None:
        """What the hook of a run that was not recorded had left for after the commit is as void as its events."""
        if self._rows is None:
            return
        void = [one for row, some in zip(self._rows, self._callbacks, strict=True) if row is None for one in some]
        if void:
            left = [one for one in connection.run_on_commit if all(one is not other for other in void)]
            connection.run_on_commit[:] = left


def _has_begun() -> bool:
    """Whether a statement was sent in the transaction in hand."""
    return driver.transaction_status() in (driver.OPEN, driver.ABORTED)
