"""Why an order stands still although nothing went wrong with it, in the customer's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from sagas.models import RunStatus

from .. import wording
from ..coordination.progress import Progress
from ..wording import Words
from . import turn


@dataclass(frozen=True, slots=True)
class Hold:
    """What is said instead of that we are working on it."""

    headline: str
    """Empty for an order that is being cancelled: that stays the news."""
    reason: str
    label: str
    """Of the step at which the order stands."""
    in_queue: bool = False
    """Whether it only waits for its turn."""
    pause: str = "2s"
    """How long an open page waits before it asks again."""


def hold_of(
    progress: Progress, now: datetime, thing: str = "order", said: Words = wording, *, action_url: str = ""
) -> Hold | None:
    """Whether the order is paused, or waits for its customer, a participant that is away, or its turn; None when it is
    neither.

    `thing` is what customers call it, and `said` knows the words for its steps; `action_url` is where the customer
    confirms the payment, "" when nobody asks them to.
    """
    step = next((step for step in progress.steps if step.position == progress.position), None)
    if step is None or progress.status not in (RunStatus.RUNNING, RunStatus.UNDOING):
        return None
    forward = progress.status == RunStatus.RUNNING
    if progress.paused:
        return Hold(f"We have put your {thing} on hold." if forward else "", wording.LOOKED_AT, "on hold")
    if action_url and forward:
        return Hold(wording.CONFIRM, wording.confirm_within(thing), wording.WAITS_FOR_CUSTOMER)
    if forward and (place := turn.of(progress.queued_since)):
        words, headline = turn.said(place), f"Your {thing} waits for its turn."
        return Hold(headline, words, wording.WAITS_FOR_TURN, in_queue=True, pause=turn.pause(place))
    if progress.waits_for:
        who = wording.inside(said.step(step.name).who)
        limit = _limit(progress.waits_until, now, thing) if forward else ""
        return Hold(
            f"Your {thing} waits for {who}." if forward else "", f"{wording.out_of_touch(who)}{limit}", "waiting"
        )
    return None


def _limit(until: datetime | None, now: datetime, thing: str) -> str:
    """When waiting ends: only its deadline ends it, and that only while the order can be undone."""
    if until is None:
        return ""
    minutes = max(1, math.ceil((until - now).total_seconds() / 60))
    span = "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f" Should that take longer than {span}, we cancel the {thing} and charge nothing."
