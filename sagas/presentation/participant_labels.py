"""Participants in words: the state of each, its limits, and the runs that wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from outbox.messages.durations import say

from .. import sql
from ..declare.participant import Participant
from ..models import Breaker, Run
from ..sql import participants
from .labels import Badge, waits_for_participant

STATE_BADGES = {
    Breaker.State.CLOSED: Badge("✓", "ok", "answers"),
    Breaker.State.OPEN: Badge("!", "bad", "away"),
    Breaker.State.HALF_OPEN: Badge("…", "wait", "being tried"),
}
HELD_BY_HAND = Badge("■", "act", "held by hand")


@dataclass(frozen=True, slots=True)
class WaitingRuns:
    """How many runs wait for a participant, and since when it is away."""

    name: str
    since: datetime | None
    """When its breaker opened; None when it answers again and the runs are returning."""
    runs: int

    def __str__(self) -> str:
        """`waiting for payments since 14:02, 312 runs`."""
        if self.since is None:
            return f"returning to {self.name}, {_runs(self.runs)}"
        return f"waiting for {self.name} since {_time_of_day(self.since)}, {_runs(self.runs)}"


def waiting_runs() -> list[WaitingRuns]:
    """The participants that runs wait for, the longest outage first. Reads the index of waiting runs."""
    return [WaitingRuns(*row) for row in sql.fetch(participants.WAITING, {})]


def wait_sentence(run: Run) -> str:
    """For which participant the run waits, since when, and who must act; empty when it waits for none."""
    if not waits_for_participant(run):
        return ""
    name, breaker = run.waits_for, Breaker.objects.filter(pk=run.waits_for).first()
    if breaker is None or breaker.opened_at is None:
        return f"Waits for {name}, which answers again: it goes on when its turn comes. Nobody must act."
    since = _time_of_day(breaker.opened_at)
    if held_by_hand(breaker):
        return (
            f"Waits for {name}: all calls to it are held by hand, since {since}. No attempt is spent; "
            "somebody must let the calls go."
        )
    return (
        f"Waits for {name}, away since {since}. No attempt is spent; it goes on by itself when {name} answers. "
        "Nobody must act."
    )


def is_away(name: str) -> bool:
    """Whether calls to the participant are held now: its breaker is not closed."""
    return Breaker.objects.filter(pk=name).exclude(state=Breaker.State.CLOSED).exists()


def held_by_hand(breaker: Breaker) -> bool:
    """Whether an operator holds the calls, so that only an operator can release them."""
    return breaker.state == Breaker.State.OPEN and breaker.open_until is None


def badge(breaker: Breaker) -> Badge:
    """The badge of the breaker's state."""
    return HELD_BY_HAND if held_by_hand(breaker) else STATE_BADGES[Breaker.State(breaker.state)]


def state_sentence(breaker: Breaker, policy: Participant, runs: int) -> str:
    """The state of the breaker in words: what happens to calls, since when, how many runs wait, and what follows."""
    since_when = _sentence(str(WaitingRuns(breaker.name, breaker.opened_at, runs)))
    if not runs and breaker.opened_at is not None:
        since_when = f"Away since {_time_of_day(breaker.opened_at)}, and no run waits for it"
    if breaker.state == Breaker.State.CLOSED:
        failures = f" {breaker.failures} of {policy.trip_after} failures in a row." if breaker.failures else ""
        back = f" {since_when}, up to {policy.release_per_second:g} a second." if runs else ""
        return f"Calls go through.{failures}{back}"
    if held_by_hand(breaker):
        return f"{since_when}. All calls are held until a person lets them go."
    if breaker.state == Breaker.State.HALF_OPEN or breaker.open_until is None:
        return f"{since_when}. One call is under way as a trial; its answer decides for all."
    due = timezone.localtime(breaker.open_until)
    return f"{since_when}. From {due:%H:%M:%S} on, the next call goes as a trial."


def limits_sentence(policy: Participant) -> str:
    """The limits and the holds of the policy in words."""
    parts = [
        "any number at once" if policy.at_once is None else f"{policy.at_once} at once",
        "any number a second" if policy.per_second is None else f"{policy.per_second:g} a second",
        f"held after {policy.trip_after} failures in a row",
        f"for {say(policy.hold)} at first and {say(policy.longest_hold)} at the longest",
    ]
    return ", ".join(parts)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _time_of_day(moment: datetime) -> str:
    """The local time `14:02`, with the date unless it is today."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M}" if local.date() == timezone.localdate() else f"{local:%Y-%m-%d %H:%M}"
