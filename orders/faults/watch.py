"""The latest orders, and the runs of other sagas, each in one line: how far it is, and what it waits for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from sagas.models import Breaker, Run
from sagas.presentation.labels import run_badge

from ..coordination.progress import Progress, of_run
from ..models import Order
from ..presentation.timeline import ShownStep, Timeline, show
from ..presentation.waiting import hold_of
from ..sagas import ORDER, checkout

LATEST = 12
ORDER_STATUS = {"completed": "confirmed", "compensated": "cancelled", "stuck": "needs_attention"}


@dataclass(frozen=True, slots=True)
class Watched:
    """An order, or a run of another saga."""

    title: str
    url: str
    """Its page, or its run in the admin."""
    order: str
    """Its number at the companies, where it has one."""
    status: str
    label: str
    steps: Sequence[ShownStep]
    line: str
    """What happens to it, or what it waits for."""
    desk: str
    """Where a person acts on it; empty while nobody must."""
    at: datetime
    final: bool


def latest(number: int = LATEST) -> list[Watched]:
    """The newest first."""
    now = timezone.now()
    orders = [of_order(order, now) for order in Order.objects.all()[:number]]
    others = (
        Run.objects.filter(is_branch=False)
        .exclude(name=checkout.name)
        .order_by("-created_at")
        .prefetch_related("steps")
    )
    return sorted([*orders, *(of_other(run, now) for run in others[:number])], key=lambda one: one.at, reverse=True)[
        :number
    ]


def of_order(order: Order, now: datetime) -> Watched:
    """An order, whichever way it is carried."""
    timeline = Timeline.of(order)
    progress = timeline.progress
    attention = order.status == Order.Status.NEEDS_ATTENTION
    if order.is_final or progress is None:
        line = " ".join(filter(None, [timeline.reason, timeline.charge]))
    elif attention:
        line = order.status_reason or "A person must act."
    else:
        line = waits(progress, timeline.steps, now)
    return Watched(
        title=order.number,
        url=order.get_absolute_url(),
        order=order.number,
        status=order.status,
        label=order.get_status_display(),
        steps=timeline.steps,
        line=line,
        desk=desk_of(order) if attention else "",
        at=order.created_at,
        final=order.is_final,
    )


def of_other(run: Run, now: datetime) -> Watched:
    """A run of a saga that is no checkout: a trip, a return."""
    progress = of_run(run)
    hold = hold_of(progress, now)
    steps = [show(step, progress, now, hold) for step in progress.steps]
    stuck = run.needs_person
    page = reverse("admin:sagas_run_change", args=[run.pk])
    return Watched(
        title=str(run),
        url=page,
        order="",
        status=ORDER_STATUS.get(run.reported_status, ""),
        label=run_badge(run).text,
        steps=steps,
        line=run.reason if stuck or run.finished_at else waits(progress, steps, now),
        desk=page if stuck else "",
        at=run.created_at,
        final=run.finished_at is not None,
    )


def desk_of(order: Order) -> str:
    """Where an operator acts on the order: at its run, or, when events alone carry it, on its trail."""
    run = Run.objects.filter(Q(key=f"{ORDER}{order.pk}"), name=checkout.name).first()
    return (
        reverse("admin:sagas_run_change", args=[run.pk])
        if run
        else reverse("admin:orders_order_trail", args=[order.pk])
    )


def waits(progress: Progress, steps: Sequence[ShownStep], now: datetime) -> str:
    """What an order that is under way waits for."""
    if progress.paused:
        return "On hold: an operator lets it go on."
    if progress.waits_for:
        return f"Waits: {progress.waits_for} {_stands(progress.waits_for, now)}."
    for step in steps:
        if step.state in {"waiting", "working", "undoing", "person"}:
            return f"{step.title}. {step.note}".strip() if step.note else f"{step.title} …"
    return "On its way to the next step …"


def _stands(participant: str, now: datetime) -> str:
    """How the participant stands, and when it is asked again."""
    breaker = Breaker.objects.filter(pk=participant).first()
    if breaker is None or breaker.state == Breaker.State.CLOSED:
        return "answers again, and it goes on when its turn comes"
    if breaker.state == Breaker.State.HALF_OPEN:
        return "is being tried"
    if breaker.open_until is None:
        return "is not called: an operator holds all calls"
    seconds = math.ceil((breaker.open_until - now).total_seconds())
    return f"is away; asked again in {seconds}\u00a0s" if seconds > 0 else "is away; the next call tries it"
