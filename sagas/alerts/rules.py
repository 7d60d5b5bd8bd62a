"""The rules of a project that names none in SAGAS_ALERTS."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ..declare.alert_rule import AlertRule
from ..settings import saga_settings

MINUTE = timedelta(minutes=1)


DEFAULTS: tuple[AlertRule, ...] = (
    AlertRule(
        "standstill",
        "red_lights",
        above=0,
        for_=MINUTE,
        title="Something stands still",
        do="See `manage.py saga status`, or the admin's front page: each light says what to do.",
    ),
    AlertRule(
        "stuck",
        "stuck_runs",
        above=0,
        for_=5 * MINUTE,
        title="Runs need a person",
        do="Open the runs that are stuck in the admin, or `manage.py saga list --status stuck`: each says why.",
    ),
    AlertRule(
        "oldest_stuck",
        "oldest_stuck_seconds",
        above=4 * 3600,
        for_=timedelta(0),
        title="A run has needed a person for hours",
        do="The oldest is the first in the list of runs that are stuck.",
    ),
    AlertRule(
        "failing",
        "failure_rise",
        above=20,
        for_=5 * MINUTE,
        title="A step fails more often than in the week before",
        do="Open the charts in the admin, and a run that failed: the participant, or our code, has changed.",
    ),
)
"""One alert for all that stands still: what one dead part brings about is many lights, and one reason to get up."""


def configured() -> Sequence[AlertRule]:
    """The project's rules."""
    return DEFAULTS if saga_settings.ALERTS is None else saga_settings.ALERTS
