"""What ends a story early."""

from __future__ import annotations


class ScenarioError(Exception):
    """The test does not say enough, or says what cannot be; the message tells what to write."""


class WorkerLost(BaseException):
    """Raised where a worker dies. Not an Exception: like a SIGKILL, it gives the engine nothing to record."""


class Unplayable(BaseException):
    """A ScenarioError on its way out through the engine, which takes every Exception for a participant's."""


class NoAnswer(Exception):
    """A call that may have been applied. Not a TimeoutError: after some of those the breaker holds all calls."""
