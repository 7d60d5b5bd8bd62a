"""A run that has ended is run again from a step, by a run of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RanAgain(Generic[T]):
    """What the host's hook is told, in the transaction that starts the new run."""

    run_id: UUID
    """The new run's; so with the key."""
    key: str
    of_run: UUID
    """The run that has ended; so with its key."""
    of_key: str
    step: str
    """The first step that the new run carries out."""
    input: T = field(repr=False)
