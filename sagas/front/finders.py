"""What the search box finds of runs and of dead letters: by number, e-mail address, key, id, request id or task id."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse

from outbox.models import DeadLetter, PublishedMessage
from outbox.operations.listing import keys_of, uuid_of

from .. import sql
from ..desk.selection import URGENCY, search_condition
from ..models import VISIBLE, Run
from ..presentation.labels import run_badge
from .search import MOST, Hit, finder

SORTED = 1_000
"""The most found runs that are sorted by urgency."""
NEWEST = 100_000
"""The attempts whose task ids are known, the newest: Flower, where people have these ids from, forgets sooner."""
RUNS_OF_TASK = """
SELECT DISTINCT run_id FROM (SELECT run_id, task_id FROM saga_attempt ORDER BY id DESC LIMIT %(newest)s) AS attempt
WHERE task_id = %(task)s
"""


@finder("Runs", "sagas.view_run", order=20)
def runs(text: str) -> Iterator[Hit]:
    """Runs by a part of the subject, by key, request id or id, or by the id of a task that carried out a step."""
    visible = Run.objects.filter(VISIBLE) if uuid_of(text) is None else Run.objects.all()
    found = set(visible.filter(search_condition(text)).order_by().values_list("pk", flat=True)[:SORTED])
    if not found and (task := uuid_of(text)) is not None:
        found = {run for (run,) in sql.fetch(RUNS_OF_TASK, {"task": str(task), "newest": NEWEST})}
    for run in Run.objects.filter(pk__in=found).defer("input").order_by(URGENCY, "-pk")[: MOST + 1]:
        title = f"{run.name} {run.subject or run.key}"
        yield Hit(title, reverse("admin:sagas_run_change", args=[run.pk]), run_badge(run).text)


@finder("Dead letters", "outbox.view_deadletter", order=30)
def dead_letters(text: str) -> Iterator[Hit]:
    """Messages that were given up: by key, or what stands for one, such as an order number; or by message id."""
    id_ = uuid_of(text)
    wanted = Q(key__in=keys_of(text)) | (Q(message_id=id_) if id_ else Q())
    for dead in DeadLetter.objects.filter(wanted).order_by("-died_at")[: MOST + 1]:
        url = reverse("admin:outbox_deadletter_change", args=[dead.pk])
        yield Hit(f"{dead.type} {dead.key}".strip(), url, f"given up by {dead.subscriber or 'the relay'}")


@finder("Published messages", "outbox.view_publishedmessage", order=40)
def published(text: str) -> Iterator[Hit]:
    """A message that was published, by its id."""
    id_ = uuid_of(text)
    for message in PublishedMessage.objects.filter(message_id=id_) if id_ else ():
        url = reverse("admin:outbox_publishedmessage_change", args=[message.pk])
        yield Hit(f"{message.type} {message.key}".strip(), url, f"published to {message.destination}")
