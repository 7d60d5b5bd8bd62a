"""Checks that a handler's writes will be committed together with its inbox row."""

from __future__ import annotations

from django.db import connection, transaction

from ..errors import OutboxError
from ..sql import driver


class TransactionEnded(OutboxError):
    """A handler ended its transaction itself: its writes up to then are committed, or lost."""


def refuse_transactions() -> None:
    """Raise where the handler's transaction would be part of another one, or would not be committed at its end."""
    with transaction.atomic(durable=True):  # no statement: nothing is sent
        if not connection.commit_on_exit:
            raise OutboxError("The database's AUTOCOMMIT is off, so nothing would be committed: switch it on.")


def check_transaction(subscriber: str) -> None:
    """Raise when the handler's writes would be undone silently, or were committed too early."""
    state = driver.transaction_status()
    if connection.needs_rollback or state == driver.ABORTED:
        raise OutboxError(
            f"{subscriber} returned after an error of the database: nothing of it would be kept. Put "
            "transaction.atomic() around what may fail, within the handler, or let the error out."
        )
    if state != driver.OPEN:
        raise TransactionEnded(
            f"{subscriber} ended the transaction itself: its message was recorded as handled before it was. "
            "Leave COMMIT and ROLLBACK to the outbox."
        )
