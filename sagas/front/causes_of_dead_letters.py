"""The causes for which messages were given up: the type, who gave it up, and the class of the error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from outbox.models import DeadLetter

from .causes import Cause, Link, counted_elsewhere, source

if TYPE_CHECKING:
    from .causes import Viewer

COUNTED = 5_000
"""Dead letters that are looked at, those that have waited longest."""
MEND = "Mend what the error says, then requeue the messages: each goes to the one who gave it up."
BY = ("type", "subscriber", "error_class")


@source("outbox.view_deadletter")
def causes_of_dead_letters(user: Viewer) -> Iterator[Cause]:
    """One cause for each type, subscriber and class of error.

    Left out: those that will be requeued, and those that belong to what another source counts.
    """
    waiting = DeadLetter.objects.filter(requeue_at=None).exclude(counted_elsewhere()).order_by("died_at")
    rows = list(waiting.values_list(*BY, "died_at")[: COUNTED + 1])
    died: dict[tuple[str, str, str], list[datetime]] = defaultdict(list)
    for *what, died_at in rows[:COUNTED]:
        died[what[0], what[1], what[2]].append(died_at)
    for (kind, subscriber, error), since in died.items():
        given = zip(BY, (kind, subscriber, error), strict=True)
        query = urlencode({name: value for name, value in given if value})
        requeue = Link("Requeue …", f"{reverse('admin:outbox_deadletter_requeue')}?{query}")
        yield Cause(
            about="message",
            where=f"{kind} to {subscriber}" if subscriber else f"{kind}, by the relay",
            why=error,
            count=len(since),
            since=since[0],
            url=f"{reverse('admin:outbox_deadletter_changelist')}?{query}",
            advice=MEND,
            acts=(requeue,) if subscriber and user.has_perm("outbox.requeue_deadletter") else (),
            more=len(rows) > COUNTED,
        )
