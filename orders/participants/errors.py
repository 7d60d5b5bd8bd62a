"""The way out of a call that `sagas.errors` has no class for."""

from __future__ import annotations


class AnswerLost(ConnectionError):
    """No usable answer came back: the call may have been applied. Ask again by the same key."""

    def __init__(self, participant: str, what: str) -> None:
        super().__init__(f"{participant}: {what}")
        self.participant = participant
        self.what = what
