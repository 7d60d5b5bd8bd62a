"""How far a step that takes long has come, as it says itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outbox.masking import masked

from ..models import Attempt


@dataclass(frozen=True, slots=True)
class Beats:
    """What the attempt in hand said last."""

    percent: int | None
    """None where it does not say how far it has come."""
    note: str
    at: datetime


def beats_now(attempts: Sequence[Attempt]) -> Beats | None:
    """Of these, oldest first, the attempt in a worker's hands; None where there is none, or it never beat."""
    last = attempts[-1] if attempts else None
    if last is None or last.ended_at is not None or last.beat_at is None:
        return None
    percent = None if last.progress is None else int(last.progress * 100)
    return Beats(percent, masked(last.note or ""), last.beat_at)


def said(attempt: Attempt) -> str:
    """The last note of an attempt, in a sentence; empty where it left none."""
    return f"Last note: {masked(attempt.note)}" if attempt.note else ""
