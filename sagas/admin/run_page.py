"""Loads all that the admin's page of a run shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from outbox.models import DeadLetter, Delivery, OutboxMessage, PublishedMessage

from ..declare import registry
from ..declare import step as declare
from ..desk.waits import waits_now
from ..engine.diagnosis import clock
from ..errors import SagaError
from ..models import Handling, Run, Step, StepStatus, Wait
from ..presentation import participant_labels, wait_words
from ..presentation.advice import advice_for
from ..presentation.again import again_of
from ..presentation.beats import Beats, beats_now
from ..presentation.branch_steps import current_of, declared_steps
from ..presentation.drawing.boxes import Node
from ..presentation.drawing.graph import Graph, graph_of
from ..presentation.drawing.scale import Scale, to_scale
from ..presentation.known import Known, known_of
from ..presentation.labels import Badge, meaning_of, readable, run_badge, step_badge
from ..presentation.masking import MASK, attributes_of, masked
from ..presentation.run_state import deadline_of, record_urls, subject_url
from ..presentation.started_runs import StartedBy, parent_of, started_by
from ..presentation.step_graph import edges_of, tries, undo_words
from ..presentation.text_tables import LATEST_ATTEMPTS
from ..presentation.timeline import Entry, timeline
from ..settings import saga_settings
from .base import pretty_json

COUNTED_MESSAGES = 100
"""The most outbox messages of a run that are counted."""


@dataclass(frozen=True, slots=True)
class StepCard:
    """A step as the page shows it."""

    step: Step
    anchor: str
    """Where the page has it."""
    badge: Badge
    title: str
    participant: str
    is_pivot: bool
    is_current: bool
    result: str
    carried_from: str
    """The id of the run that carried it out, where that was an earlier one."""
    undo: str
    """How it is undone, or why it is not; empty for the pivot, and where this code does not declare it."""
    after: list[str]
    """The titles of the steps that it comes after."""
    record_url: str
    """Where the participant shows what it knows; empty when the declaration names no such page."""


@dataclass(frozen=True, slots=True)
class Messages:
    """How many outbox messages of the run's key there are in one table, and the search that lists them."""

    title: str
    model: str
    query: str
    count: int


@dataclass(frozen=True, slots=True)
class RunPage:
    """The values for the template."""

    run: Run
    badge: Badge
    means: str
    advice: str
    """What the operator shall do, see `advice_for`; empty when nothing is known."""
    subject_url: str
    trace_id: str
    trace_url: str
    """The page that shows the trace; empty when none is known."""
    steps: list[StepCard]
    graph: Graph
    known: list[Known]
    again: list[tuple[str, str, str]]
    """Runs that this one is once more, or that are this one once more: what it is, its id and its key."""
    scale: Scale | None
    entries: list[Entry]
    cut: bool
    """Whether earlier attempts are left out."""
    messages: list[Messages]
    input: str
    attributes: list[tuple[str, str, str]]
    """What it is found by: name, value, and the list of runs that share it; "" for a value that is hidden."""
    deadline: datetime | None
    """None when it no longer counts."""
    beats: Beats | None
    """How far the current step has come, where it says so."""
    wait: Wait | None
    """What the current step waits for: a date, a signal, a person."""
    now: datetime
    flower_url: str
    started: list[StartedBy]
    """The runs that it has started, by step."""
    parent: Run | None
    """The run that has started it."""
    assignee: str
    """Who looks after it; "" for nobody."""
    snoozed_until: datetime | None
    """None when it is in sight."""


def load(run: Run, page: int = 1) -> RunPage:
    """Read all that the page shows; `page` is that of the runs that it has started, from 1."""
    steps = list(run.steps.all())
    attempts = list(run.attempts.order_by("-id")[: LATEST_ATTEMPTS + 1])[::-1]
    acts = list(run.acts.all())
    handling = Handling.objects.select_related("assignee").filter(run=run).first()
    now, wait = clock(), waits_now(run)
    shown = declared_steps(run, steps)
    flat = [one for beside in shown for one in beside]
    edges = edges_of(run, flat)
    cards = _cards(run, steps, shown, edges)
    return RunPage(
        run=run,
        badge=run_badge(run),
        means=participant_labels.wait_sentence(run) or wait_words.meaning(run, wait) or meaning_of(run),
        advice=advice_for(run),
        subject_url=subject_url(run),
        trace_id=run.traceparent[3:35],
        trace_url=_trace_url(run),
        steps=cards,
        graph=graph_of([_node(card) for card in cards], edges),
        known=known_of(flat),
        again=again_of(acts),
        scale=to_scale(run, steps, attempts[-LATEST_ATTEMPTS:], acts, now),
        entries=timeline(run, steps, attempts[-LATEST_ATTEMPTS:], acts, now),
        cut=len(attempts) > LATEST_ATTEMPTS,
        messages=_messages(run.key),
        attributes=[(name, value, _sharing(name, value)) for name, value in attributes_of(run)],
        input=pretty_json(masked(run.input)),
        deadline=deadline_of(run),
        beats=beats_now(attempts),
        wait=wait,
        now=now,
        flower_url=(saga_settings.FLOWER_URL or getattr(settings, "FLOWER_URL", "")).rstrip("/"),
        started=started_by(run, page),
        parent=parent_of(run),
        assignee="" if handling is None or handling.assignee is None else handling.assignee.get_username(),
        snoozed_until=_still(None if handling is None else handling.snoozed_until, now),
    )


def _sharing(name: str, value: str) -> str:
    if value == MASK or '"' in value:  # the filter has no way to write it
        return ""
    query = urlencode({"state": "all", "where": f'{name}="{value}"'})
    return f"{reverse('admin:sagas_run_changelist')}?{query}"


def _still(until: datetime | None, now: datetime) -> datetime | None:
    return until if until is not None and until > now else None


def _trace_url(run: Run) -> str:
    template = saga_settings.TRACE_URL or getattr(settings, "TRACE_URL", "")
    return template.replace("{trace_id}", run.traceparent[3:35]) if run.traceparent else ""


def _cards(
    run: Run, steps: Sequence[Step], shown: Sequence[Sequence[Step]], edges: Sequence[tuple[str, str]]
) -> list[StepCard]:
    """A card for each declared step: for `shown[n]`, which stand side by side, in place of `steps[n]`."""
    try:
        declared = registry.find(run.name, run.version).declared
    except SagaError:
        declared = {}
    records = record_urls(run)
    cards: list[StepCard] = []
    for step, beside in zip(steps, shown, strict=True):
        at = current_of(run, beside) if step.position == run.position and run.finished_at is None else []
        for one in beside:
            anchor = f"step-{len(cards)}"
            is_pivot = one is step and step.position == run.pivot
            cards.append(_card(one, anchor, declared.get(one.name), records, is_pivot=is_pivot, is_current=one in at))
    by_name = {card.step.name: card for card in cards}
    for earlier, later in edges:
        by_name[later].after.append(readable(earlier))
    return cards


def _card(
    step: Step,
    anchor: str,
    declared: declare.Step[Any, Any] | None,
    records: Mapping[str, str],
    *,
    is_pivot: bool,
    is_current: bool,
) -> StepCard:
    participant = "" if declared is None else "our own database" if declared.local else declared.participant
    return StepCard(
        step=step,
        anchor=anchor,
        badge=step_badge(step.run, step),
        title=readable(step.name),
        participant=participant,
        is_pivot=is_pivot,
        is_current=is_current,
        result="" if step.result is None else pretty_json(masked(step.result)),
        carried_from="" if step.carried_from is None else str(step.carried_from),
        undo=undo_words(declared) if declared is not None else "",
        after=[],
        record_url=records.get(participant, ""),
    )


def _node(card: StepCard) -> Node:
    flag = ["⚑ point of no return"] if card.is_pivot else []
    return Node(
        name=card.step.name,
        title=card.title,
        badge=card.badge,
        href=f"#{card.anchor}",
        participant=card.participant,
        marks=[*flag, *([card.undo] if card.undo else []), *tries(card.step)],
        is_pivot=card.is_pivot,
        is_current=card.is_current,
        is_reached=card.is_current or card.step.status != StepStatus.PENDING,
    )


def _messages(key: str) -> list[Messages]:
    """The non-empty groups of outbox messages with that key. Counting ends at COUNTED_MESSAGES."""
    carried = list(PublishedMessage.objects.filter(key=key).values_list("message_id", flat=True)[:COUNTED_MESSAGES])
    found = [
        Messages("unpublished", "outboxmessage", key, OutboxMessage.objects.filter(key=key)[:COUNTED_MESSAGES].count()),
        Messages("published", "publishedmessage", key, len(carried)),
        Messages("dead letters", "deadletter", key, DeadLetter.objects.filter(key=key)[:COUNTED_MESSAGES].count()),
    ]
    open_deliveries = Delivery.objects.filter(message_id__in=carried).values_list("message_id", "subscriber")
    found += [Messages(f"on its way to {to}", "delivery", str(message_id), 1) for message_id, to in open_deliveries]
    return [group for group in found if group.count]
