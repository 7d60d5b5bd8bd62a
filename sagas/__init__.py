"""Sagas for Django: declare steps with their undos; every run ends completed, undone, or on an operator's desk.

This package imports no models, so that a declaration needs no database. The guide is `sagas/README.md`.
"""

from outbox.retry import Retry

from .declare.alert_rule import AlertRule
from .declare.context import Earlier, InputChange, NotApplied, StatusChange, StepContext, UndoContext
from .declare.ended import Ended
from .declare.money import MinorUnits
from .declare.participant import Participant
from .declare.ran_again import RanAgain
from .declare.saga import Saga
from .declare.schedule import Schedule
from .declare.sent import Sent
from .declare.share import Share
from .declare.stake import Stake
from .declare.step import Step
from .errors import Awaits, Refused, RetryAfter, SagaDeclarationError, SagaError, TooLate, Unavailable, WrongState

__all__ = [
    "AlertRule",
    "Awaits",
    "Earlier",
    "Ended",
    "InputChange",
    "MinorUnits",
    "NotApplied",
    "Participant",
    "RanAgain",
    "Refused",
    "Retry",
    "RetryAfter",
    "Saga",
    "SagaDeclarationError",
    "SagaError",
    "Schedule",
    "Sent",
    "Share",
    "Stake",
    "StatusChange",
    "Step",
    "StepContext",
    "TooLate",
    "Unavailable",
    "UndoContext",
    "WrongState",
]
