"""The acts on schedules as the admin and the command line offer them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import acts
from .backfill import backfill


@dataclass(frozen=True, slots=True)
class ScheduleVerb:
    """An act with its title, its explanation and its permission."""

    name: str
    title: str
    explains: str
    permission: str
    do: Callable[..., Any]
    takes_span: bool = False


VERBS = {
    verb.name: verb
    for verb in (
        ScheduleVerb(
            "pause", "Pause", "Nothing starts by itself; ticks that come meanwhile are skipped, and not caught up.",
            "sagas.pause_schedule", acts.pause,
        ),
        ScheduleVerb(
            "resume", "Resume", "It goes on with the next tick, and with what waits.", "sagas.pause_schedule",
            acts.resume,
        ),
        ScheduleVerb(
            "run_now", "Run now", "Starts a run that belongs to no tick, also in a pause.", "sagas.run_schedule",
            acts.run_now,
        ),
        ScheduleVerb(
            "withdraw", "Withdraw what waits", "What waits for its turn is not started any more.",
            "sagas.backfill_schedule", acts.withdraw,
        ),
        ScheduleVerb(
            "backfill", "Fill in", "Starts the runs of past ticks that had none, one after another.",
            "sagas.backfill_schedule", backfill, takes_span=True,
        ),
    )
}  # fmt: skip
