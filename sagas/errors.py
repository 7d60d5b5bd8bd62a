"""What can go wrong, each class saying what happens next. `RetryAfter` is the outbox's: one class for both."""

from __future__ import annotations

from datetime import timedelta

from outbox.carried import Carried
from outbox.errors import RetryAfter
from outbox.messages.texts import plain

LONGEST_CODE = 100
"""Characters of a refusal's code."""

__all__ = [
    "Awaits",
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


class SagaError(Carried):
    """A saga cannot go on as asked."""


class SagaDeclarationError(SagaError):
    """A saga is declared in a way that cannot work; raised at import, the message says how to mend it."""


class Refused(SagaError):
    """The business said no: the run undoes what was done. Raised by an undo: only a person can go on."""

    def __init__(self, code: str, text: str = "") -> None:
        """`code` and `text` may be a participant's: what no database stores is left out, and a long code is cut."""
        self.code = plain(code, LONGEST_CODE)
        self.text = plain(text) or self.code
        super().__init__(self.text)


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


class OwnFailure(SagaError):
    """Something of ours failed, outside of the participant's call: it spends no attempt and turns nothing."""

    at_once = False
    """Whether a person is asked at the first one."""


class RecordingFailed(OwnFailure):
    """What happened could not be written down: the host's own hook failed. Tried again with the step."""


class Unfit(OwnFailure):
    """What the code did does not fit what it declares: trying again helps once the code is mended."""

    at_once = True


class WrongState(SagaError):
    """The run is not in a state that allows this; `found` is the state it is in."""

    def __init__(self, verb: str, found: str, hint: str = "") -> None:
        super().__init__(f"Cannot {verb}: the run is {found}.{' ' + hint if hint else ''}")
        self.verb = verb
        self.found = found


class TooLate(SagaError):
    """The run has passed, or is passing, the point of no return; it can no longer be cancelled."""


class LeaseLost(SagaError):
    """The attempt is no longer this worker's: its lease ran out and another one took the step. Nothing follows."""
