"""A declared saga as text: a table for the terminal, or a Mermaid flowchart for documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from outbox.messages.durations import say
from outbox.retry import Retry

from ..declare.saga import Saga
from ..declare.step import UNDECLARED, Step
from . import wait_words

HEAD = ("", "step", "undo", "retry", "timeout", "participant", "marks")
CLASSES = ("classDef pivot stroke-width:4px", "classDef undo stroke-dasharray:4")


def table(saga: Saga[Any]) -> str:
    """A table with one line per step, in running order, under a title line. No line ends in blanks."""
    rows = [HEAD, *(_row(step) for step in saga.steps)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join([_title(saga), "", *(_line(row, widths) for row in rows)])


def mermaid(saga: Saga[Any]) -> str:
    """A Mermaid flowchart: the steps from top to bottom, and the undos that follow a refusal up to the pivot.

    Nodes are named by position, `s0`, `u0`, since the name of a step may be a keyword of Mermaid.
    """
    lines = ["flowchart TD", *_nodes(saga), *_forward(saga), *_turns(saga), *_backward(saga), *CLASSES]
    return "\n".join([lines[0], *(f"    {line}" for line in lines[1:])])


def undo_of(step: Step[Any, Any]) -> str:
    """The undo's name, or why there is none."""
    if step.undo_run is not None and step.undo_run is not UNDECLARED:
        return step.undo_run.__name__
    pivot = step.saga.pivot_step
    if pivot is not None and step.position >= pivot.position:
        return "-" if step.is_pivot else "only forward"
    return "nothing to undo" if step.undo_run is None else "not declared"


def _title(saga: Saga[Any]) -> str:
    deadline = "no deadline" if saga.deadline is None else f"deadline {say(saga.deadline)}"
    return f"{saga.name}, version {saga.version}, {deadline}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(step: Step[Any, Any]) -> tuple[str, ...]:
    marks = {
        "pivot": step.is_pivot,
        "probe": step.probe_run is not None,
        "local": step.local and step.wait is None,
        "best effort": step.best_effort,
        "beats": step.beats,
    }
    waits = [wait_words.declared(step.wait)] if step.wait is not None else []
    return (
        str(step.position + 1),
        step.name,
        undo_of(step),
        _retry(step.retry),
        say(step.timeout),
        step.participant,
        ", ".join([*(mark for mark, holds in marks.items() if holds), *waits]),
    )


def _retry(retry: Retry) -> str:
    """`8 times, 1 s to 1 min 4 s`: the attempts in all, the first wait and the longest wait that occurs."""
    if retry.attempts == 1:
        return "once"
    if retry.attempts is None:
        return f"until done, {_waits(retry.first, retry.longest)}"
    last = retry.delay_after(retry.attempts - 1, roll=0.0) or retry.longest
    return f"{retry.attempts} times, {_waits(retry.first, last)}"


def _waits(first: timedelta, longest: timedelta) -> str:
    return say(first) if first == longest else f"{say(first)} to {say(longest)}"


def _nodes(saga: Saga[Any]) -> Iterable[str]:
    yield f'start(["{_text(saga.name)} {saga.version}"])'
    for step in saga.steps:
        what = step.participant or (wait_words.declared(step.wait) if step.wait is not None else "")
        where = f"<br/>{_text(what)}" if what else ""
        label = f'"{_text(step.name)}{where}"'
        yield f"s{step.position}{{{{{label}}}}}:::pivot" if step.is_pivot else f"s{step.position}[{label}]"
    yield 'completed(["completed"])'
    for step in _undos(saga):
        yield f'u{step.position}["{_text(undo_of(step))}"]:::undo'
    yield 'undone(["undone"])'


def _forward(saga: Saga[Any]) -> Iterable[str]:
    stops = ["start", *(f"s{step.position}" for step in saga.steps), "completed"]
    return _arrows(stops)


def _backward(saga: Saga[Any]) -> Iterable[str]:
    return _arrows([*(f"u{step.position}" for step in reversed(_undos(saga))), "undone"])


def _turns(saga: Saga[Any]) -> Iterable[str]:
    """An arrow from each step up to the pivot to its first undo: the step's own, since its answer may be lost."""
    pivot = saga.pivot_step
    for step in saga.steps[: None if pivot is None else pivot.position + 1]:
        back = [undo for undo in _undos(saga) if undo.position <= step.position]
        if step.best_effort:
            continue
        yield f"s{step.position} -. refused .-> {f'u{back[-1].position}' if back else 'undone'}"


def _arrows(stops: Sequence[str]) -> Iterable[str]:
    return (f"{one} --> {other}" for one, other in pairwise(stops))


def _undos(saga: Saga[Any]) -> list[Step[Any, Any]]:
    return [step for step in saga.steps if step.has_undo]


def _text(text: str) -> str:
    """The text, escaped for a quoted label of Mermaid."""
    escapes = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;"}
    return "".join(escapes.get(letter, letter) for letter in text)
