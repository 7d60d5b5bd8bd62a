"""Sends a signal for each dead letter, in the transaction that writes it.

    @receiver(dead_lettered)
    def to_the_desk(notice: DeadLetterNotice, **_: object) -> None: ...

A message becomes a dead letter when a subscriber gives it up or cannot read it, when it cannot be published, and when
an operator skips it. The subscriber's own `gave_up` runs before; when it settles the matter, there is no dead letter
and no signal.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.dispatch import Signal

from ..masking import masked
from . import failures

logger = logging.getLogger(__name__)

dead_lettered = Signal()
"""Sent with `notice`, a `DeadLetterNotice`. When a receiver fails, its writes are undone; the dead letter stays."""


@dataclass(frozen=True, slots=True)
class DeadLetterNotice:
    """A message that became a dead letter. Nothing happens to it until a person requeues it."""

    type: str
    key: str
    subscriber: str
    """Empty: it could not be published."""
    error: str
    """The reason, for a person."""


def send(type_: str, key: str, subscriber: str, error: str) -> None:
    """Send the signal, in the caller's transaction. An infrastructure failure, such as a lost session, is raised."""
    if not dead_lettered.receivers:
        return
    try:
        with transaction.atomic():
            dead_lettered.send(None, notice=DeadLetterNotice(type_, key, subscriber, masked(error)))
    except Exception as failure:
        if failures.is_infrastructure(failure):
            raise
        logger.exception("A receiver of `dead_lettered` failed", extra={"type": type_, "key": key})
