"""The causes for which messages were given up: the type, who gave it up, and the class of the error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse

from outbox.models import DeadLetter
from outbox.operations.listing import MOST

from .causes import Cause, counted_elsewhere, source

if TYPE_CHECKING:
    from .causes import Viewer

MEND = "Mend what the error says, then requeue the messages: each goes to the one who gave it up."
BY = ("type", "subscriber", "error_class")


@source("outbox.view_deadletter")
def causes_of_dead_letters(user: Viewer) -> Iterator[Cause]:
    """One cause for each type, subscriber and class of error, of the MOST dead letters that have waited longest.

    Left out: those that will be requeued, and those that belong to what another source counts.
    """
    waiting = DeadLetter.objects.filter(requeue_at=None).exclude(counted_elsewhere())
    oldest = waiting.order_by("died_at").values("pk")[: MOST + 1]
    groups = DeadLetter.objects.filter(pk__in=oldest).order_by().values(*BY)
    found = list(groups.annotate(count=Count("pk"), since=Min("died_at")))
    more = sum(row["count"] for row in found) > MOST
    for row in found:
        query = urlencode({name: row[name] for name in BY if row[name]})
        yield Cause(
            about="message",
            where=f"{row['type']} to {row['subscriber']}" if row["subscriber"] else f"{row['type']}, by the relay",
            why=row["error_class"],
            count=row["count"],
            since=row["since"],
            url=f"{reverse('admin:outbox_deadletter_changelist')}?{query}",
            advice=MEND,
            more=more,
        )
