"""What follows from a reading: one function of where the alert stands, and whether its figure is above."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from ..declare.alert_rule import AlertRule
from ..models import Alert

State = Alert.State
SLACK = timedelta(seconds=2)
"""Evaluations do not come to the millisecond: one that comes a moment early need not wait for the next."""


class Tell(Enum):
    """What a person is told."""

    NOTHING = "nothing"
    BEGAN = "began"
    ENDED = "ended"


class Turn(NamedTuple):
    """Where the alert stands from now on, since when, and what a person is told."""

    state: State
    since: datetime
    tell: Tell = Tell.NOTHING


def turn(
    rule: AlertRule, state: State, since: datetime, now: datetime, *, is_above: bool, is_told: bool, is_silenced: bool
) -> Turn:
    """`since`: when it came into its state. `is_told`: a person knows that it began. `is_silenced`: nobody is told
    that it begins. Its end is told to whoever was told of its beginning."""
    if is_above:
        return _above(rule, state, since, now, is_told=is_told, is_silenced=is_silenced)
    match state:
        case State.FIRING:
            state, since = State.ENDING, now
        case State.PENDING:
            return Turn(State.OK, now)
    if state == State.ENDING and now - since >= rule.is_over_after - SLACK:
        return Turn(State.OK, now, Tell.ENDED if is_told else Tell.NOTHING)
    return Turn(state, since)


def _above(rule: AlertRule, state: State, since: datetime, now: datetime, *, is_told: bool, is_silenced: bool) -> Turn:
    if state == State.ENDING:  # it was not over: nobody hears of it
        state, since = State.FIRING, now
    if state == State.OK:
        state, since = State.PENDING, now
    if state == State.PENDING and now - since >= rule.for_ - SLACK:
        state, since = State.FIRING, now
    tells = state == State.FIRING and not is_told and not is_silenced
    return Turn(state, since, Tell.BEGAN if tells else Tell.NOTHING)
