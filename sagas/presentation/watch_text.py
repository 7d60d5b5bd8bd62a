"""What is watched, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from outbox.messages.durations import say
from outbox.monitoring.queues import QueueStatus
from outbox.monitoring.workers import WorkerStatus

from .watch import Light, Watch, oldest


def lines(now: Watch) -> Iterator[str]:
    """The lights with what to do, then the workers, the queues and the canary."""
    for light in now.lights:
        yield from light_lines(light)
    if not now.lights:
        yield "Everything moves."
    yield ""
    yield from (_worker(one) for one in now.workforce.workers)
    if not now.workforce.workers:
        yield "No worker runs, or none has left a sign yet."
    yield from (_queue(one) for one in now.workforce.queues)
    if now.canary_age is not None:
        yield f"{'canary':<26} the last run that went the whole path started {say(now.canary_age)} ago"


def light_lines(light: Light) -> list[str]:
    """What stands still, what it means, and what to do."""
    since = "" if light.since is None else f", for {say(light.since)}"
    return [f"{'!' if light.tone == 'bad' else '…'} {light.title}{since}", f"  {light.means}", f"  → {light.do}"]


def as_json(now: Watch) -> dict[str, Any]:
    """The same for programs; durations in seconds."""
    return {
        "ok": not now.is_bad,
        "lights": [
            {"name": one.name, "tone": one.tone, "title": one.title, "means": one.means, "do": one.do}
            for one in now.lights
        ],
        "workers": [
            {
                "name": one.row.name,
                "state": one.state,
                "release": one.row.release,
                "queues": one.row.queues,
                "busy": one.row.busy,
                "size": one.row.size,
                "silent_seconds": round(one.row.silent_for.total_seconds(), 1),
            }
            for one in now.workforce.workers
        ],
        "queues": [
            {
                "name": one.name,
                "messages": one.depth,
                "oldest_seconds": _seconds(one.oldest),
                "oldest_at_least_seconds": _seconds(one.waited),
                "workers": one.workers,
            }
            for one in now.workforce.queues
        ],
        "canary_age_seconds": None if now.canary_age is None else round(now.canary_age.total_seconds(), 1),
    }


def _worker(one: WorkerStatus) -> str:
    row = one.row
    release = f"release {row.release}, " if row.release else ""
    work = f"{release}{row.busy} of {row.size} {row.pool} at work, takes {', '.join(row.queues) or 'nothing'}"
    return f"{row.name:<26} {one.state:<8} {work}; last sign {say(row.silent_for)} ago"


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 1)


def _queue(one: QueueStatus) -> str:
    waits = ", the oldest ".join(filter(None, (f"{one.depth} messages wait", oldest(one))))
    taken = "NOBODY takes them" if one.is_unattended else f"{one.workers} worker{'s' if one.workers != 1 else ''}"
    return f"{'queue ' + one.name:<26} {waits}; {taken}"
