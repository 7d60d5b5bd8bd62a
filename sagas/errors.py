"""What can go wrong, each class saying what happens next. `RetryAfter` is the outbox's: one class for both."""

from __future__ import annotations

from datetime import timedelta

from outbox.errors import RetryAfter

__all__ = [
    "Awaits",
    "LostAttempts",
    "RecordingFailed",
    "Refused",
    "RetryAfter",
    "SagaDeclarationError",
    "SagaError",
    "TooLate",
    "Unavailable",
    "WrongState",
]


class SagaError(Exception):
    """A saga cannot go on as asked."""


class SagaDeclarationError(SagaError):
    """A saga is declared in a way that cannot work; raised at import, the message says how to mend it."""


class Refused(SagaError):
    """The business said no: the run undoes what was done. Raised by an undo: only a person can go on."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(text or code)
        self.code = code
        self.text = text or code


class Unavailable(RetryAfter):
    """The participant is away: surely not applied, costs no attempt, and counts towards holding all calls to it."""


class Awaits(RetryAfter):
    """Somebody else must act first, such as the customer: costs no attempt, and holds no worker meanwhile.

    Looked at again after `recheck`, or as soon as `Saga.wake` says so. The participant counts as asked: should the run
    turn around, the step is undone. `detail` is for the step's awaiting hook.
    """

    def __init__(self, recheck: timedelta, reason: str, detail: object = None) -> None:
        super().__init__(recheck, reason)
        self.detail = detail


class LostAttempts(SagaError):
    """Every attempt that the budget allows ended with its worker: killed, or longer than its lease."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"{attempts} attempts were made; the last ended with its worker, and nobody knows how.")


class RecordingFailed(SagaError):
    """What happened could not be written down: the host's own hook failed. Tried again with the step."""


class WrongState(SagaError):
    """The run is not in a state that allows this; `found` is the state it is in."""

    def __init__(self, verb: str, found: str, hint: str = "") -> None:
        super().__init__(f"Cannot {verb}: the run is {found}.{' ' + hint if hint else ''}")
        self.verb = verb
        self.found = found


class TooLate(SagaError):
    """The run has passed, or is passing, the point of no return; it can no longer be cancelled."""
