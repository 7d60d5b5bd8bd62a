"""A declared saga as text: a table for the terminal, or a Mermaid flowchart for documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from outbox.messages.durations import say
from outbox.retry import Retry

from ..declare.saga import Saga
from ..declare.spread import ChildSaga, Group, Items
from ..declare.step import UNDECLARED, Step
from . import wait_words

HEAD = ("", "step", "undo", "retry", "timeout", "participant", "marks")
CLASSES = ("classDef pivot stroke-width:4px", "classDef undo stroke-dasharray:4")


def table(saga: Saga[Any]) -> str:
    """A table with one line per step, in running order, under a title line. No line ends in blanks.

    Of steps side by side each says what it comes after.
    """
    rows = [HEAD, *(_row(step, number) for step, number in _numbered(saga))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join([_title(saga), "", *(_line(row, widths) for row in rows)])


def mermaid(saga: Saga[Any]) -> str:
    """A Mermaid flowchart: the steps from top to bottom, and the undos that follow a refusal up to the pivot.

    Nodes are named by their number, `s0`, `u0`, since the name of a step may be a keyword of Mermaid.
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


def _numbered(saga: Saga[Any]) -> list[tuple[Step[Any, Any], int]]:
    """The declared steps with their numbers, from 0."""
    return [(step, number) for number, step in enumerate(saga.declared.values())]


def _row(step: Step[Any, Any], number: int) -> tuple[str, ...]:
    marks = {
        "pivot": step.is_pivot,
        "probe": step.probe_run is not None,
        "local": step.local and step.wait is None,
        "best effort": step.best_effort,
        "beats": step.beats,
        _starts(step): True,
    }
    waits = [wait_words.declared(step.wait)] if step.wait is not None else []
    return (
        str(number + 1),
        step.name,
        undo_of(step),
        _retry(step.retry),
        say(step.timeout),
        step.participant,
        ", ".join([*(mark for mark, holds in marks.items() if mark and holds), *waits]),
    )


def _starts(step: Step[Any, Any]) -> str:
    """What a step starts, or beside which others it stands."""
    spread = step.in_list.spread
    if isinstance(spread, Items):
        return f"for each item, {spread.at_once} at once"
    if isinstance(spread, ChildSaga):
        return f"a run of {spread.saga.name}"
    grouped = isinstance(step.saga.steps[step.position].spread, Group)
    after = [name for name in step.saga.declared if name in step.saga.after[step.name]]
    return f"after {' and '.join(after) or 'nothing'}" if grouped else ""


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
    for step, number in _numbered(saga):
        what = step.participant or (wait_words.declared(step.wait) if step.wait is not None else "")
        where = f"<br/>{_text(what)}" if what else ""
        label = f'"{_text(step.name)}{where}"'
        yield f"s{number}{{{{{label}}}}}:::pivot" if step.is_pivot else f"s{number}[{label}]"
    yield 'completed(["completed"])'
    for step, number in _undos(saga):
        yield f'u{number}["{_text(undo_of(step))}"]:::undo'
    yield 'undone(["undone"])'


def _forward(saga: Saga[Any]) -> Iterable[str]:
    steps = _numbered(saga)
    if not steps:
        yield "start --> completed"
    first = [number for step, number in steps if not saga.before[step.name]]
    yield from (f"start --> s{number}" for number in first)
    yield from (f"s{one} --> s{other}" for one, other in _direct(saga, steps))
    last = [number for step, number in steps if not any(step.name in names for names in saga.before.values())]
    yield from (f"s{number} --> completed" for number in last)


def _backward(saga: Saga[Any]) -> Iterable[str]:
    undos = _undos(saga)
    yield from (f"u{later} --> u{earlier}" for earlier, later in reversed(_direct(saga, undos)))
    first = [number for step, number in undos if not any(one.name in saga.before[step.name] for one, _ in undos)]
    yield from (f"u{number} --> undone" for number in first)


def _turns(saga: Saga[Any]) -> Iterable[str]:
    """An arrow from each step up to the pivot to its first undo: the step's own, since its answer may be lost."""
    undos, pivot = _undos(saga), saga.pivot_step
    for step, number in _numbered(saga):
        if step.best_effort or (pivot is not None and pivot.name in saga.before[step.name]):
            continue
        back = [(one, at) for one, at in undos if one is step or one.name in saga.before[step.name]]
        last = [at for one, at in back if not any(one.name in saga.before[other.name] for other, _ in back)]
        yield from (f"s{number} -. refused .-> u{at}" for at in last)
        if not last:
            yield f"s{number} -. refused .-> undone"


def _direct(saga: Saga[Any], steps: Sequence[tuple[Step[Any, Any], int]]) -> list[tuple[int, int]]:
    """Which of these steps comes after which, by number, without what others imply."""
    return [
        (number, at)
        for later, at in steps
        for earlier, number in steps
        if earlier.name in saga.before[later.name]
        and not any(earlier.name in saga.before[mid.name] and mid.name in saga.before[later.name] for mid, _ in steps)
    ]


def _undos(saga: Saga[Any]) -> list[tuple[Step[Any, Any], int]]:
    return [(step, number) for step, number in _numbered(saga) if step.has_undo]


def _text(text: str) -> str:
    """The text, escaped for a quoted label of Mermaid."""
    escapes = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;"}
    return "".join(escapes.get(letter, letter) for letter in text)
