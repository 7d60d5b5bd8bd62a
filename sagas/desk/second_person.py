"""Which acts need a second person, and which proposal is being confirmed right now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import SagaError
from ..models import Act
from ..settings import saga_settings

_confirmed: ContextVar[Act | None] = ContextVar("saga_confirmed_proposal", default=None)


class SecondPersonNeeded(SagaError):
    """Two people do this together: propose it with `desk.propose`, and somebody else confirms it."""

    def __init__(self, verb: str, why: str = "") -> None:
        """`why`: a sentence, where the act needs it only for what was given."""
        self.verb, self.why = verb, why
        super().__init__(f"{verb} needs two people here: propose it, and somebody else confirms it. {why}".rstrip())


def needs_second_person(verb: str) -> bool:
    """Whether the act needs a second person, by SAGAS_SECOND_PERSON."""
    return verb in saga_settings.SECOND_PERSON


def proposal_facts(verb: str) -> dict[str, Any]:
    """What the record of an act holds of its proposal. Raises SecondPersonNeeded when a needed one is missing."""
    proposal = _confirmed.get()
    if proposal is not None:
        return {"proposal": proposal.pk, "proposed_by": proposal.actor_name}
    if needs_second_person(verb):
        raise SecondPersonNeeded(verb)
    return {}


def require_second_person(verb: str, why: str) -> None:
    """Raise SecondPersonNeeded unless a second person is confirming a proposal right now."""
    if _confirmed.get() is None:
        raise SecondPersonNeeded(verb, why)


@contextmanager
def confirming(proposal: Act) -> Iterator[None]:
    """Within the block, an act counts as the confirmed proposal."""
    token = _confirmed.set(proposal)
    try:
        yield
    finally:
        _confirmed.reset(token)
