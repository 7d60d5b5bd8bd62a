"""What a person gives, a result or an input, is held against what the host knows, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import RecordingFailed, SagaError
from .acts import DoesNotFit


@contextmanager
def validating(title: str) -> Iterator[None]:
    """Around a validator of the host's: its ValueError is what the operator is told. Raises DoesNotFit; RecordingFailed
    when the validator itself fails."""
    try:
        yield
    except ValueError as disagrees:
        raise DoesNotFit(str(disagrees)) from disagrees
    except SagaError:
        raise
    except Exception as error:  # nothing was compared, so nothing is done, and the operator is told why
        raise RecordingFailed(f"Nothing was done: the validator of {title} failed: {error}") from error
