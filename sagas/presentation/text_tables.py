"""Runs as text tables, for the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from outbox.messages.durations import say

from ..desk.selection import Filter, Group, count_groups, matching
from ..desk.waits import waits_now
from ..models import Act, Attempt, Run, Step, StepStatus, Wait
from .advice import advice_for
from .beats import beats_now
from .labels import meaning_of, run_badge
from .masking import attributes_of, masked
from .wait_words import meaning

WIDEST_CELL = 60
"""The most characters of a cell; longer text is cut."""
LATEST_ATTEMPTS = 300
"""The most attempts shown of one run, here and in the admin: a step without a limit may make hundreds a day."""


def run_table(chosen: Filter, now: datetime, limit: int) -> Iterator[str]:
    """The lines of a table of the matching runs, the newest first, at most `limit`."""
    runs: QuerySet[Run] = matching(chosen).order_by("-id").prefetch_related("steps", "attributes")
    shown = list(runs[: limit + 1])
    head = ("RUN", "SAGA", "SUBJECT", "STATUS", "STEP", "CODE", "AGE", *(["ATTRIBUTES"] if chosen.where else []))
    rows = [
        (
            str(run.pk),
            run.name,
            run.subject or run.key,
            run_badge(run).text,
            _at(run),
            run.code,
            _age(run, now),
            _found_by(run),
        )
        for run in shown[:limit]
    ]
    yield from table(head, [row[: len(head)] for row in rows])
    if len(shown) > limit:
        yield f"More than {limit} match; narrow the filter, or raise --limit."


def group_table(chosen: Filter) -> Iterator[str]:
    """The lines of a table: how many runs match, by saga, step and code."""
    found = count_groups(chosen)
    yield f"{sum(group.count for group in found)} runs match {chosen}"
    yield from table(("RUNS", "SAGA", "STEP", "CODE"), [_group(group) for group in found])


def run_lines(run: Run, now: datetime) -> Iterator[str]:
    """The lines that tell all of a run: its facts, steps, attempts and acts."""
    yield f"{run.name} {run.subject or run.key}: {run_badge(run).text}"
    yield meaning(run, waits_now(run)) or meaning_of(run)
    if run.reason:
        yield run.reason
    if advised := advice_for(run):
        yield f"What to do: {advised}"
    yield ""
    yield from table(("", ""), list(_facts(run, now)))[2:]
    steps = [_step(run, step) for step in run.steps.all()]
    yield from _part(("", "STEP", "STATUS", "ATTEMPTS", "UNDOS", "ERROR"), steps)
    attempts = list(run.attempts.order_by("-id")[: LATEST_ATTEMPTS + 1])[::-1]
    rows = [_attempt(one) for one in attempts[-LATEST_ATTEMPTS:]]
    yield from _part(("STARTED", "ATTEMPT", "OUTCOME", "TOOK", "ERROR"), rows)
    if len(attempts) > LATEST_ATTEMPTS:
        yield f"Earlier attempts are left out: these are the latest {LATEST_ATTEMPTS}."
    yield from _part(("AT", "WHO", "DID", "WHY", "CHANGED"), [_act(act) for act in run.acts.all()])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: the head, a rule, the rows. Each column is as wide as its widest cell."""
    cells = [[cell.replace("\n", " ")[:WIDEST_CELL] for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def changes(act: Act) -> Iterator[tuple[str, Any, Any]]:
    """What an act changed: the name of each fact, before and after."""
    for name in [*act.before, *(name for name in act.after if name not in act.before)]:
        before, after = act.before.get(name), act.after.get(name)
        if before != after:
            yield name, before, after


def _part(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    return ["", *table(head, rows)] if rows else []


def _facts(run: Run, now: datetime) -> Iterator[tuple[str, str]]:
    yield "run", str(run.pk)
    yield "key", run.key
    yield "version", str(run.version)
    yield "accepted", f"{_time(run.created_at)}, {_age(run, now)}"
    if run.paused_at:
        yield "paused since", _time(run.paused_at)
    yield from _waits(run)
    yield from _progress(run, now)
    if run.finished_at:
        yield "ended", _time(run.finished_at)
    if attributes := _found_by(run):
        yield "attributes", attributes
    yield "input", json.dumps(masked(run.input), ensure_ascii=False)


def _waits(run: Run) -> Iterator[tuple[str, str]]:
    if run.share is not None:
        yield "share", run.share or "none named"
    if run.queued_at and not run.paused_at:
        yield "waits for the turn of its share since", _time(run.queued_at)
    if run.ready_at and not run.paused_at:
        yield "waits for a free worker since", _time(run.ready_at)
    if run.wake_at and not run.paused_at:
        yield "next look", _time(run.wake_at)
    if (wait := waits_now(run)) is not None:
        yield "waits for", wait.words or Wait.Kind(wait.kind).label
        if wait.due_at:
            yield "waits until", _time(wait.due_at)


def _progress(run: Run, now: datetime) -> Iterator[tuple[str, str]]:
    if (beats := beats_now(list(run.attempts.order_by("-id")[:1]))) is not None:
        done = [] if beats.percent is None else [f"{beats.percent} %"]
        yield "progress", ", ".join([*done, *filter(None, [beats.note]), f"said {say(now - beats.at)} ago"])


def _found_by(run: Run) -> str:
    return " ".join(f"{name}={value}" for name, value in attributes_of(run))


def _step(run: Run, step: Step) -> tuple[str, ...]:
    here = "→" if step.position == run.position else ""
    status = StepStatus(step.status).label
    return here, step.name, status, str(step.attempts), str(step.undo_attempts), step.error_text


def _attempt(attempt: Attempt) -> tuple[str, ...]:
    undo = "undo of " if attempt.direction == Attempt.Direction.UNDO else ""
    outcome = Attempt.Outcome(attempt.outcome).label if attempt.outcome else "in a worker's hands"
    took = say(attempt.ended_at - attempt.started_at) if attempt.ended_at else ""
    return _time(attempt.started_at), f"{undo}{attempt.step} {attempt.number}", outcome, took, attempt.error_text


def _act(act: Act) -> tuple[str, ...]:
    changed = "; ".join(f"{name}: {_json(before)} → {_json(after)}" for name, before, after in changes(act))
    return _time(act.at), act.actor_name, act.verb, act.reason, changed


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _group(group: Group) -> tuple[str, ...]:
    return str(group.count), group.saga, group.step, group.code


def _at(run: Run) -> str:
    return next((step.name for step in run.steps.all() if step.position == run.position), "")


def _age(run: Run, now: datetime) -> str:
    return f"took {say(run.finished_at - run.created_at)}" if run.finished_at else say(now - run.created_at)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
