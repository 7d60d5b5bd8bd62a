"""The transaction that records a step: the engine's statement, and whatever the host's hook does.

A hook that only publishes costs no transaction of its own: its events are written by the statement that records. The
first statement of a hook that does more opens the transaction, and is preceded by the record, since the run is locked
before anything of the host's, everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection, transaction

from outbox import doorbell
from outbox.publish import gathering, stop_gathering
from outbox.sql import NewMessage

T = TypeVar("T")
Record = Callable[[list[NewMessage]], T]


def recorded_with(hook: Callable[[], None], record: Record[T]) -> T:
    """Run `hook` and `record` in one transaction; returns what `record` does, and raises what either raises.

    `record` writes the messages that it is given too.
    """
    if connection.in_atomic_block:  # the caller's transaction, with the run locked
        value = record([])
        hook()
        return value
    opened: _Opened[T] = _Opened(record)
    with transaction.atomic(savepoint=False), gathering() as messages:
        opened.messages = messages
        with connection.execute_wrapper(opened.before):
            hook()
        if connection.run_on_commit or opened.failure:
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
