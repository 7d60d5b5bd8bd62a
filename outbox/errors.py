"""What can go wrong, each class saying what happens next."""

from __future__ import annotations

from datetime import timedelta

from .picklable import PicklableError


class OutboxError(PicklableError):
    """The outbox cannot do what was asked."""


class OutboxDeclarationError(OutboxError):
    """An event or a subscriber is declared so that it cannot work; raised at import, and says how to mend it."""


class NotInTransaction(OutboxError):
    """Called outside `transaction.atomic()`: nothing would tie the message to a change, so nothing was written."""


class CannotRead(OutboxError):
    """A message does not fit what this code declares; it becomes a dead letter that says so."""


class HandlerOutcome(OutboxError):
    """Raised by a subscriber to say what shall happen to its message. Its transaction is rolled back."""


class RetryAfter(HandlerOutcome):
    """Not now: come again after `delay`; costs no attempt. `reason` is shown to operators.

    A saga's step raises it too, the same class: surely not applied.
    """

    def __init__(self, delay: timedelta, reason: str = "") -> None:
        super().__init__(reason or f"try again in {delay.total_seconds():g} s")
        self.delay = delay
        self.reason = reason


class PermanentFailure(HandlerOutcome):
    """Never: trying again cannot help. The message becomes a dead letter at once."""
