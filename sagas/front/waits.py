"""What waits by itself, and why. Open runs wait for a date, for somebody else to act, for their next attempt, for a
free worker, for the turn of their share, or to be resumed; keys of the outbox are held while their first message is
tried again. Runs that wait for a participant are counted by `presentation.participant_labels`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse

from outbox.models import Hold
from outbox.operations.listing import MOST

from .. import sql
from ..presentation.labels import readable

LOOKED_AT = 10_000
"""Of running and of undoing runs so many, the newest, are looked at; what others wait for is not said."""
WAITS = """
WITH newest AS MATERIALIZED (
    (SELECT id, name, position, reason, paused_at, ready_at, queued_at, created_at, asks_since, waits_for
     FROM saga_run WHERE status = 'running' AND NOT is_branch ORDER BY created_at DESC LIMIT %(most)s)
    UNION ALL
    (SELECT id, name, position, reason, paused_at, ready_at, queued_at, created_at, asks_since, waits_for
     FROM saga_run WHERE status = 'undoing' AND NOT is_branch ORDER BY created_at DESC LIMIT %(most)s)
), moving AS (
    SELECT id, name, position, reason, paused_at, ready_at, queued_at, created_at FROM newest
    WHERE asks_since IS NULL AND waits_for = ''
)
SELECT moving.name, s.name,
       CASE WHEN moving.paused_at IS NOT NULL THEN 'paused' WHEN moving.ready_at IS NOT NULL THEN 'worker'
            WHEN moving.queued_at IS NOT NULL THEN 'share'
            WHEN s.error_class IN ('Awaits', 'AwaitsRuns') THEN coalesce(w.kind, 'awaits') ELSE 'retry' END AS kind,
       count(*), min(moving.created_at),
       min(coalesce(w.words, moving.reason)) FILTER (WHERE s.error_class IN ('Awaits', 'AwaitsRuns'))
FROM moving JOIN saga_step s ON s.run_id = moving.id AND s.position = moving.position
LEFT JOIN saga_wait w ON w.run_id = moving.id AND w.step = s.name AND w.over_at IS NULL
WHERE w.kind IS DISTINCT FROM 'approval'
  AND (moving.paused_at IS NOT NULL OR moving.ready_at IS NOT NULL OR moving.queued_at IS NOT NULL
       OR s.status IN ('waiting', 'undo_waiting'))
GROUP BY 1, 2, 3
ORDER BY 5
"""
WORDS = {
    "paused": "paused: somebody must resume {them}",
    "worker": "{wait} for a free worker",
    "timer": "{wait} for {their} date",
    "signal": "{wait} for an answer from outside",
    "share": "{wait} for the turn of {their} share",
    "awaits": "{wait} for somebody else to act",
    "retry": "{wait} for the next attempt",
}


@dataclass(frozen=True, slots=True)
class Wait:
    """Runs of one saga that wait at one step for the same kind of thing."""

    saga: str
    step: str
    kind: str
    """A key of WORDS."""
    count: int
    since: datetime
    """When the oldest of them was accepted."""
    reason: str
    """What one of them waits for, in words; empty where the kind says it."""

    def __str__(self) -> str:
        one = self.count == 1
        words = WORDS[self.kind].format(
            wait="waits" if one else "wait", them="it" if one else "them", their="its" if one else "their"
        )
        return f"{self.count} {'run' if one else 'runs'} {words}{f': {self.reason}' if self.reason else ''}"

    @property
    def place(self) -> str:
        """Where they wait: `checkout, Authorize payment`."""
        return f"{self.saga}, {readable(self.step)}"

    @property
    def url(self) -> str:
        """The list of the runs at that step that need no operator."""
        query = urlencode({"state": "in_progress", "saga": self.saga, "step": f"{self.saga}.{self.step}"})
        return f"{reverse('admin:sagas_run_changelist')}?{query}"


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """Keys whose messages to one destination wait for their first message, which failed and is tried again."""

    destination: str
    count: int
    since: datetime

    def __str__(self) -> str:
        keys = f"more than {MOST} keys" if self.count > MOST else f"{self.count} key{'' if self.count == 1 else 's'}"
        return f"{keys} held: a message failed, and is tried again before the others of its key"

    @property
    def url(self) -> str:
        """The list of the destination's held keys."""
        return f"{reverse('admin:outbox_hold_changelist')}?{urlencode({'destination': self.destination})}"


def held_keys() -> list[HeldKeys]:
    """The destinations with such keys, of MOST keys. One that waits for a person has its dead letter."""
    some = Hold.objects.filter(until__isnull=False).order_by().values("pk")[: MOST + 1]
    rows = (
        Hold.objects.filter(pk__in=some).order_by().values("destination").annotate(count=Count("pk"), at=Min("since"))
    )
    return [HeldKeys(row["destination"], row["count"], row["at"]) for row in rows.order_by("at")]


def waits() -> list[Wait]:
    """What waits, the oldest first, of the newest LOOKED_AT running and undoing runs."""
    rows = sql.fetch(WAITS, {"most": LOOKED_AT})
    return [Wait(saga, step, kind, count, since, reason or "") for saga, step, kind, count, since, reason in rows]
