"""The figures that a rule may name. A function of a project's own is alike: it takes nothing, and returns Readings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.module_loading import import_string

from outbox.messages.durations import say
from outbox.monitoring import duty_status, health

from .. import sql
from ..declare.stake import Stake
from ..front.stakes import money
from ..monitoring.failure_rates import failure_rates
from ..presentation import canary, watch
from ..presentation.statistics import figures

STAKES = """
SELECT stake_currency, sum(stake), count(*) FROM saga_run
WHERE (status = 'stuck' OR asks_since IS NOT NULL) AND stake IS NOT NULL
GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure, now. One with several readings names each by a label, such as a destination or a duty."""

    value: float
    words: str
    """What it means in words; with host names and reasons, since only operators read it."""
    label: str = ""


Figure = Callable[[], list[Reading]]


def stuck_runs() -> list[Reading]:
    """How many runs need a person."""
    count = figures().stuck
    return [Reading(count, f"{count} run{' needs' if count == 1 else 's need'} a person.")]


def oldest_stuck_seconds() -> list[Reading]:
    """The age of the oldest run that needs a person; 0 when none does."""
    oldest = figures().oldest_stuck
    if oldest is None:
        return [Reading(0, "No run needs a person.")]
    return [Reading(oldest.total_seconds(), f"The oldest run that needs a person has needed one for {say(oldest)}.")]


def red_lights() -> list[Reading]:
    """How many lights are red: workers, queues, duties, waits, destinations and the broker, all in one."""
    red = [light for light in watch.read().lights if light.tone == "bad"]
    words = "\n\n".join(f"{light.title}. {light.means}\n→ {light.do}" for light in red)
    return [Reading(len(red), words or "Everything moves.")]


def lag_seconds() -> list[Reading]:
    """How long the oldest unpublished message of each destination has waited."""
    return [
        Reading(one.oldest.total_seconds() if one.oldest else 0, f"{one.depth} messages to {one.name} wait.", one.name)
        for one in health.status().destinations
        if one.destination is not None
    ]


def silent_duties() -> list[Reading]:
    """For each duty, for how many seconds longer than is healthy it has not been done."""
    found = []
    for one in duty_status.read_report().duties:
        late = one.heartbeat.silent_for - one.duty.healthy if one.is_late and one.duty.healthy else None
        words = duty_status.what_is_late(one) if late else f"{one.duty.name} is done."
        found.append(Reading(late.total_seconds() if late else 0, words, one.duty.name))
    return found


def canary_age_seconds() -> list[Reading]:
    """The age of the last run that went the whole path; 0 where no canary has been started."""
    age = canary.age()
    if age is None:
        return [Reading(0, "No canary has been started.")]
    return [Reading(age.total_seconds(), f"The last run that went the whole path started {say(age)} ago.")]


def stuck_value() -> list[Reading]:
    """The value at stake in the runs that need a person, in the major unit of each currency."""
    rows = sql.fetch(STAKES, {})
    return [
        Reading(float(amount), f"{money(Stake(amount, currency))} is at stake in {count} runs.", currency)
        for currency, amount, count in rows
    ]


def failure_rise() -> list[Reading]:
    """For each step and undo, by how many percentage points more of its attempts fail than in the week before."""
    return [
        Reading(
            100 * (one.share - one.usual),
            f"{one.failed} of {one.ended} attempts of {one.title} failed lately, "
            f"and {one.usual:.1%} in the week before.",
            one.title,
        )
        for one in failure_rates()
    ]


FIGURES: dict[str, Figure] = {
    one.__name__: one
    for one in (
        stuck_runs,
        stuck_value,
        oldest_stuck_seconds,
        failure_rise,
        red_lights,
        lag_seconds,
        silent_duties,
        canary_age_seconds,
    )
}


def named(name: str) -> Figure:
    """The figure of that name, or at that dotted path. Raises ImportError, with the names that there are."""
    if name in FIGURES:
        return FIGURES[name]
    try:
        figure: Figure = import_string(name)
    except ImportError as error:
        known = ", ".join(sorted(FIGURES))
        raise ImportError(f"No figure is named {name!r}: write one of {known}, or a function's dotted path.") from error
    return figure
