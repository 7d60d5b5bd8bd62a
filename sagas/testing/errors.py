"""The errors that end a story early."""

from __future__ import annotations


class ScenarioError(Exception):
    """The test says too little, or something impossible. The message says what to write."""


class WorkerLost(BaseException):
    """A worker dies here. Not an Exception: like after a SIGKILL, the engine can record nothing."""


class Unplayable(BaseException):
    """Becomes a ScenarioError outside the engine, which takes every Exception for the participant's."""


class NoAnswer(Exception):
    """A call without an answer, applied or not. Not a TimeoutError: those would open the breaker."""
