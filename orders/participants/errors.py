"""The ways out of a call that `sagas.errors` has no class for."""

from __future__ import annotations

from outbox.picklable import PicklableError
from sagas.errors import Refused


class AnswerLost(PicklableError):
    """No usable answer came back: the call may have been applied. Ask again by the same key."""

    is_there = True
    """Somebody answered: a call that a participant cannot digest holds nobody else's, and a trial ends the hold."""

    def __init__(self, participant: str, what: str) -> None:
        super().__init__(f"{participant}: {what}")
        self.participant = participant
        self.what = what


class ConnectionLost(AnswerLost, ConnectionError):
    """The same, and nobody answered at all: to the participant's breaker a sign that it is away."""

    is_there = False


class FailureRemembered(AnswerLost):
    """It failed inside, and answers every call with this key so: only a look at the thing itself tells what became."""


class RefusalRemembered(Refused):
    """A no that was given before, to the same key: it tells of then. Only a look at the thing itself tells of now."""


class Unreadable(AnswerLost):
    """It answered, and not what it has to answer: the call may have been applied."""
