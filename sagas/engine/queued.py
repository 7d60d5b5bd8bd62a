"""A run that waits for the turn of its share: what it is let in by, and the event that says that it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from outbox import event

from ..declare.saga import Saga
from ..declare.share import checked_key, checked_priority, checked_share


@event("sagas.run_queued", version=1)
@dataclass(frozen=True)
class RunQueued:
    """A run waits for the turn of its share."""

    run_id: UUID


def ticket_of(saga: Saga[Any], input: Any, share: str | None, priority: int | None) -> dict[str, Any] | None:
    """The parameters that write the ticket of a run; None for a run that shares the workers with nobody.

    Raises Unfit, and what the function of the saga's limit raises.
    """
    named = "" if share is None else checked_share(saga.name, share)
    ranked = 0 if priority is None else checked_priority(saga.name, priority)
    limit = saga.limited
    key = None if limit is None else checked_key(saga.name, limit.key_of(input))
    if share is None and priority is None and key is None:
        return None
    line = "" if key is None else f"{saga.name} {key}"
    at_once = None if limit is None or key is None else limit.at_once
    return {"share": named, "priority": ranked, "line": line, "line_at_once": at_once}
