"""The event that a run that another one has started has ended, or needs a person, or needs none any more."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from outbox import event, publish


@event("sagas.child_ended", version=1)
@dataclass(frozen=True)
class ChildEnded:
    """Written with the record of the child's end; it wakes the parent."""

    parent: UUID


def tell_parent(parent: UUID) -> None:
    """Have the parent look at its runs once the surrounding transaction has committed."""
    publish(ChildEnded(parent), key=str(parent))
