"""The errors of the engine; each class says what happens next. `RetryAfter` is the same class as the outbox's."""

from __future__ import annotations

from datetime import timedelta

from outbox.errors import RetryAfter
from outbox.messages.texts import plain
from outbox.picklable import PicklableError

LONGEST_CODE = 100
"""Characters that are kept of a refusal's code."""
STILL_FAILING, OWN_FAILURE = "still_failing", "own_failure"
"""A step's error codes while an operator is asked, and after a failure of our own; advice may be declared for both."""

__all__ = [
    "OWN_FAILURE",
    "STILL_FAILING",
    "Awaits",
    "AwaitsRuns",
    "LeaseLost",
    "LostAttempts",
    "OwnFailure",
    "RecordingFailed",
    "Refused",
    "RetryAfter",
    "SagaDeclarationError",
    "SagaError",
    "TooLate",
    "Unavailable",
    "Unfit",
    "WrongState",
]


class SagaError(PicklableError):
    """The base of all errors here: a saga cannot do what was asked."""


class SagaDeclarationError(SagaError):
    """A declaration cannot work. Raised at import; the message says how to fix it."""


class Refused(SagaError):
    """The participant refused for a business reason. The run is undone; if an undo raises it, the run is stuck."""

    def __init__(self, code: str, text: str = "") -> None:
        """`code` and `text` may be the participant's: what PostgreSQL cannot store is removed, a long code is cut."""
        self.code = plain(code, LONGEST_CODE)
        self.text = plain(text) or self.code
        super().__init__(self.text)


class Unavailable(RetryAfter):
    """The participant is away and applied nothing. Spends no attempt; counts as a failure for the circuit breaker."""


class Awaits(RetryAfter):
    """Somebody else, such as the customer, must act first. Spends no attempt and occupies no worker.

    The step runs again after `recheck`, or as soon as `Saga.wake` is called. The participant counts as called: if the
    run is undone, so is this step. `detail` is passed on to the step's awaiting hook.
    """

    def __init__(self, recheck: timedelta, reason: str, detail: object = None) -> None:
        super().__init__(recheck, reason)
        self.detail = detail


class AwaitsRuns(Awaits):
    """The runs that the step, or its undo, waits for have not ended. The engine raises it, and wakes the step."""

    def __init__(self, recheck: timedelta, reason: str) -> None:
        super().__init__(recheck, reason)


class LostAttempts(SagaError):
    """The attempts are spent, and the last worker was killed or overran its lease: the outcome is unknown."""

    def __init__(self, attempts: int) -> None:
        super().__init__(f"{attempts} attempts were made; the last ended with its worker, and nobody knows how.")


class OwnFailure(SagaError):
    """Our own code or database failed, outside the participant's call. Spends no attempt and undoes nothing."""

    at_once = False
    """Whether an operator is asked at the first failure, instead of after SAGAS_ASK_AFTER failures."""


class RecordingFailed(OwnFailure):
    """The outcome could not be recorded, because a hook of the host failed. The step is tried again."""


class Unfit(OwnFailure):
    """A value does not fit its declared type. A retry helps only after the code is fixed."""

    at_once = True


class WrongState(SagaError):
    """The run's state does not allow the act `verb`; `found` is that state."""

    def __init__(self, verb: str, found: str, hint: str = "") -> None:
        super().__init__(f"Cannot {verb}: the run is {found}.{' ' + hint if hint else ''}")
        self.verb = verb
        self.found = found


class TooLate(SagaError):
    """The run can no longer be cancelled, since its pivot was called already; or it no longer waits for the signal."""


class LeaseLost(SagaError):
    """The attempt is no longer this worker's: its lease ran out and another one took the step. Nothing follows."""
