"""All that a run's page in the admin shows, loaded once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from outbox.messages import codec
from outbox.models import DeadLetter, Delivery, OutboxMessage, PublishedMessage

from ..declare import registry
from ..engine.diagnosis import clock
from ..engine.transitions import passed_pivot
from ..errors import SagaError
from ..models import Run, RunStatus, Step, StepStatus
from ..presentation import participants
from ..presentation.advice import advice_for
from ..presentation.labels import Face, means, run_face, spoken, step_face, waits
from ..presentation.text_tables import SHOWN
from ..presentation.timeline import Entry, timeline
from ..settings import saga_settings

CARRIED = 100
"""Messages whose open deliveries are counted."""


@dataclass(frozen=True, slots=True)
class StepCard:
    """A step in the picture of the run."""

    step: Step
    face: Face
    title: str
    participant: str
    is_pivot: bool
    is_current: bool
    result: str


@dataclass(frozen=True, slots=True)
class Messages:
    """The outbox messages of the run's key: how many, and where."""

    title: str
    model: str
    query: str
    count: int


@dataclass(frozen=True, slots=True)
class RunPage:
    """What the template shows."""

    run: Run
    face: Face
    means: str
    advice: str
    """What the declaration says is to be done; empty when it says nothing."""
    subject_url: str
    trace_id: str
    steps: list[StepCard]
    entries: list[Entry]
    cut: bool
    """Whether earlier attempts are left out."""
    messages: list[Messages]
    input: str
    deadline: datetime | None
    """While it still counts."""
    now: datetime
    flower_url: str


def load(run: Run) -> RunPage:
    """Read everything about the run."""
    steps = list(run.steps.all())
    attempts = list(run.attempts.order_by("-id")[: SHOWN + 1])[::-1]
    now = clock()
    return RunPage(
        run=run,
        face=run_face(run),
        means=participants.wait_of(run) or means(run),
        advice=advice_for(run),
        subject_url=subject_url(run),
        trace_id=run.traceparent[3:35],
        steps=_cards(run, steps),
        entries=timeline(run, steps, attempts[-SHOWN:], list(run.acts.all()), now),
        cut=len(attempts) > SHOWN,
        messages=_messages(run.key),
        input=pretty(run.input),
        deadline=_deadline(run),
        now=now,
        flower_url=(saga_settings.FLOWER_URL or getattr(settings, "FLOWER_URL", "")).rstrip("/"),
    )


def subject_url(run: Run) -> str:
    """Where the admin shows what the run is about; empty when the declaration does not say, or is not here."""
    try:
        saga = registry.find(run.name, run.version)
        if saga.admin_url is None:
            return ""
        return saga.admin_url(codec.decode(saga.input_type, codec.encode(run.input)))
    except (SagaError, ValueError):  # an old run, whose input this code no longer reads
        return ""


def standing(run: Run) -> Step | None:
    """The step at which the run stands; None before the first and after the last."""
    return next((step for step in run.steps.all() if step.position == run.position), None)


def participant(run: Run) -> str:
    """The participant of the step at which the run stands; empty when it calls none, or is not declared here."""
    step = standing(run)
    try:
        return registry.find(run.name, run.version).named(step.name).participant if step else ""
    except (SagaError, KeyError):
        return ""


def where(run: Run) -> str:
    """Where the run stands, in words: the step, its attempts, its status."""
    step = standing(run)
    if step is None or run.finished_at is not None:
        return "at its end"
    tries = step.undo_attempts if run.status == RunStatus.UNDOING else step.attempts
    title = spoken(step.name)
    status = f"waits for {run.waits_for}" if waits(run) else StepStatus(step.status).label
    return f"{title}, {status}, {tries} {'attempt' if tries == 1 else 'attempts'}"


def pivot_in_doubt(run: Run) -> bool:
    """Whether the point of no return has been asked for, so that undoing may take back what has happened for good."""
    return run.status != RunStatus.UNDOING and _committed(run)


def _deadline(run: Run) -> datetime | None:
    counts = run.status == RunStatus.RUNNING and run.paused_at is None and not _committed(run)
    return run.deadline_at if counts else None


def _committed(run: Run) -> bool:
    step = standing(run)
    return step is not None and passed_pivot(run, step)


def _cards(run: Run, steps: Sequence[Step]) -> list[StepCard]:
    try:
        steps_declared = registry.find(run.name, run.version).steps
        declared = {step.name: "our own database" if step.local else step.participant for step in steps_declared}
    except SagaError:
        declared = {}
    return [
        StepCard(
            step=step,
            face=step_face(run, step),
            title=spoken(step.name),
            participant=declared.get(step.name, ""),
            is_pivot=step.position == run.pivot,
            is_current=step.position == run.position and run.finished_at is None,
            result="" if step.result is None else pretty(step.result),
        )
        for step in steps
    ]


def _messages(key: str) -> list[Messages]:
    """Counts end at CARRIED: a key that carries more is looked at in the list itself."""
    carried = list(PublishedMessage.objects.filter(key=key).values_list("message_id", flat=True)[:CARRIED])
    found = [
        Messages("unpublished", "outboxmessage", key, OutboxMessage.objects.filter(key=key)[:CARRIED].count()),
        Messages("published", "publishedmessage", key, len(carried)),
        Messages("dead letters", "deadletter", key, DeadLetter.objects.filter(key=key)[:CARRIED].count()),
    ]
    open_deliveries = Delivery.objects.filter(message_id__in=carried).values_list("message_id", "subscriber")
    found += [Messages(f"on its way to {to}", "delivery", str(message_id), 1) for message_id, to in open_deliveries]
    return [group for group in found if group.count]


def pretty(value: Any) -> str:
    """JSON for people to read and edit."""
    return json.dumps(value, indent=2, ensure_ascii=False)
