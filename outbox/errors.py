"""The outbox's errors. Each class says what happens next."""

from __future__ import annotations

from datetime import timedelta

from .picklable import PicklableError


class OutboxError(PicklableError):
    """The outbox cannot do what was asked."""


class OutboxDeclarationError(OutboxError):
    """An event or a subscriber is declared in a way that cannot work. Raised at import; says how to correct it."""


class NotInTransaction(OutboxError):
    """Called outside `transaction.atomic()`. Nothing was written, because nothing would tie the message to a change."""


class CannotRead(OutboxError):
    """A message does not fit what this code declares. It becomes a dead letter that says so."""


class HandlerOutcome(OutboxError):
    """Raised by a subscriber to say what happens to its message. Its transaction is rolled back."""


class RetryAfter(HandlerOutcome):
    """Try again after `delay`; uses up no attempt. `reason` is shown to operators.

    A saga's step raises the same class; there it also means: surely not applied.
    """

    def __init__(self, delay: timedelta, reason: str = "") -> None:
        super().__init__(reason or f"try again in {delay.total_seconds():g} s")
        self.delay = delay
        self.reason = reason


class PermanentFailure(HandlerOutcome):
    """Trying again cannot help. The message becomes a dead letter at once."""
