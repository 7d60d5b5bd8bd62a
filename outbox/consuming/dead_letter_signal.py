"""Whoever must know is told of each message that is given up, in the transaction that writes its dead letter.

    @receiver(dead_lettered)
    def to_the_desk(notice: DeadLetterNotice, **_: object) -> None: ...

That is a message that a subscriber gave up or could not read, one that could not be published, and one that an operator
skipped. A subscriber's own `gave_up` is asked before, and may settle the matter, so that there is nothing to bury.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.dispatch import Signal

from . import failures

logger = logging.getLogger(__name__)

dead_lettered = Signal()
"""Sent with `notice`, a `DeadLetterNotice`. When a receiver fails, its writes are undone; the dead letter stays."""


@dataclass(frozen=True, slots=True)
class DeadLetterNotice:
    """A message that nothing carries on any more, until a person requeues it."""

    type: str
    key: str
    subscriber: str
    """Empty: it was not published."""
    error: str
    """Why, for a person."""


def send(type_: str, key: str, subscriber: str, error: str) -> None:
    """Tell all receivers, in the caller's transaction. Raises what is no fault of theirs, such as a lost session."""
    if not dead_lettered.receivers:
        return
    try:
        with transaction.atomic():
            dead_lettered.send(None, notice=DeadLetterNotice(type_, key, subscriber, error))
    except Exception as failure:
        if failures.is_infrastructure(failure):
            raise
        logger.exception("A receiver of `dead_lettered` failed", extra={"type": type_, "key": key})
