"""Runs the host's validators on a result or an input that an operator gives, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import RecordingFailed, SagaError
from ..acts import DoesNotFit


@contextmanager
def validating(title: str, what: str = "validator") -> Iterator[None]:
    """Wrap a call of the host's validator, or of `what` else it is asked: its ValueError becomes DoesNotFit, with the
    same message for the operator; a SagaError passes through; any other error becomes RecordingFailed."""
    try:
        yield
    except ValueError as disagrees:
        raise DoesNotFit(str(disagrees)) from disagrees
    except SagaError:
        raise
    except Exception as error:  # nothing was compared, so nothing is done, and the operator is told why
        raise RecordingFailed(f"Nothing was done: the {what} of {title} failed: {error}") from error
