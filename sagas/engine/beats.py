"""A step that takes long says that it still works, how far it has come, and what the next attempt should know."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connection

from outbox.messages.texts import plain

from .. import sql
from ..errors import LeaseLost, Unfit
from ..models import Attempt
from ..participants import limits

if TYPE_CHECKING:
    from .work import ClaimedStep

logger = logging.getLogger(__name__)
EVERY = 1.0
"""Seconds between two statements of a step."""
LONGEST_NOTE = 1000  # characters


def undeclared(progress: float | None, note: str | None) -> None:
    """The heartbeat of a step that does not declare it, whose lease would run out all the same."""
    raise Unfit("The step calls ctx.heartbeat and does not say so. Declare it with beats=True.")


@dataclass(slots=True, eq=False)
class Heart:
    """The heartbeats of one attempt."""

    work: ClaimedStep
    lease: float
    """Seconds that the step may take from a beat on."""
    progress: float | None = None
    note: str | None = None
    """What is said and not yet written."""
    tried_at: float = -math.inf
    beaten_at: float = field(default_factory=time.monotonic)

    def beat(self, progress: float | None, note: str | None) -> None:
        """Write it, unless something was written within the last second. Raises LeaseLost, Unfit."""
        self.progress = self.progress if progress is None else _share(self.work, progress)
        self.note = self.note if note is None else _note(self.work, note)
        now = time.monotonic()
        if now - self.tried_at < EVERY:
            return
        self.tried_at = now
        try:
            self._write()
        except DatabaseError as error:
            if connection.in_atomic_block or now - self.beaten_at >= self.work.step.timeout.total_seconds():
                raise
            logger.warning("saga.beat_failed", extra={**self.work.facts, "error": str(error).strip()})
            connection.close_if_unusable_or_obsolete()
            return
        self.progress, self.note, self.beaten_at = None, None, now

    def last_note(self) -> str:
        """What earlier attempts said last."""
        work = self.work
        said = Attempt.objects.filter(run=work.run_id, step=work.step.name, direction=Attempt.Direction.FORWARD)
        earlier = said.filter(note__isnull=False).exclude(token=work.claim.token)
        return earlier.order_by("-id").values_list("note", flat=True).first() or ""

    def _write(self) -> None:
        work, admission = self.work, self.work.admission
        given = {**work.identity, "lease": self.lease, "progress": self.progress, "note": self.note}
        if not sql.BEAT.rows(given):
            raise LeaseLost(f"{work.run_id}: the lease on {work.step.name} has passed to another worker.")
        if admission.slot and admission.token is not None:
            limits.keep(admission.name, admission.token, self.lease)


def _share(work: ClaimedStep, progress: float) -> float:
    if isinstance(progress, bool) or not isinstance(progress, int | float) or not 0 <= progress <= 1:
        raise Unfit(f"{work.step.title}: heartbeat(progress={progress!r}); give a number from 0 to 1.")
    return float(progress)


def _note(work: ClaimedStep, note: str) -> str:
    if not isinstance(note, str) or len(note) > LONGEST_NOTE or plain(note) != note:
        wanted = f"give a text of at most {LONGEST_NOTE} characters that PostgreSQL stores"
        raise Unfit(f"{work.step.title}: heartbeat(note={note!r:.80}); {wanted}.")
    return note
