"""Whoever must know is told of each message that is given up, in the transaction that writes its dead letter.

    @receiver(buried)
    def to_the_desk(burial: Burial, **_: object) -> None: ...

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

buried = Signal()
"""Sent with `burial`, a `Burial`. A receiver that fails is logged; its writes are undone, the dead letter is not."""


@dataclass(frozen=True, slots=True)
class Burial:
    """A message that nothing carries on any more, until a person requeues it."""

    type: str
    key: str
    subscriber: str
    """Empty: it was not published."""
    error: str
    """Why, for a person."""


def tell(type_: str, key: str, subscriber: str, error: str) -> None:
    """Tell all receivers, in the caller's transaction. Raises what is no fault of theirs, such as a lost session."""
    if not buried.receivers:
        return
    try:
        with transaction.atomic():
            buried.send(None, burial=Burial(type_, key, subscriber, error))
    except Exception as failure:
        if failures.is_ours(failure):
            raise
        logger.exception("A receiver of a burial failed", extra={"type": type_, "key": key})
