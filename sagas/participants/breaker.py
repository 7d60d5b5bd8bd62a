"""Whether a participant may be called now: the breaker that all workers share, and the participant's limits.

    admission = admit("payments", lease)      # before the step is claimed
    if admission.go:
        …                                     # claim, `calls.ask`, record
    elif admission.away:
        hold(…)                               # the run waits for the participant; `release` brings it back
    else:
        put_off(…, admission.wait)            # a limit: come again for its turn

Both are called with no transaction open. An admission that goes and is not made use of is given to `calls.settled`. A
call to a participant that answers and has no limits costs no statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from outbox.masking import masked

from .. import sql
from ..sql import participants
from . import limits
from .lookup import BreakerState, breakers, policy_of

LONGEST_REASON = 1000
SOON = 1.0  # seconds; for a call that has to wait for an end that nobody knows


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a call that wants to be made."""

    name: str
    go: bool
    away: bool = False
    """Not now, because the participant is away; else because of a limit."""
    trial: bool = False
    """This call decides for all others whether the participant is back."""
    slot: bool = False
    """One of the calls that the participant takes at once is this one."""
    token: UUID | None = None
    """Fences the trial and the slot; None when it holds neither."""
    wait: float = 0.0
    """Seconds after which to come again."""
    why: str = ""


def admit(name: str, lease: float) -> Admission:
    """Whether the participant may be called now. `name` is "" for a step that calls none.

    `lease` is how long the call may take, in seconds: after it, the slot or the trial of a dead worker is free again.
    Give every admission that goes to `calls.ask` or `calls.settled`, whatever becomes of it.
    """
    if not name:
        return Admission(name, go=True)
    state = breakers.of(name)
    if state.closed:
        return _within_limits(name, lease)
    if state.left > 0:
        return _denied(state)
    return _trial(name, lease)


def close(name: str, reason: str) -> None:
    """Close the breaker by hand: calls go from now on; runs that wait are released at the limited rate."""
    _by_hand(participants.CLOSE, name, reason)


def open_by_hand(name: str, reason: str) -> None:
    """Open the breaker by hand: all calls are held until `close`, with no trial. Calls under way go on."""
    _by_hand(participants.OPEN, name, reason)


def _within_limits(name: str, lease: float, *, trial: UUID | None = None) -> Admission:
    policy = policy_of(name)
    limited = policy.at_once is not None
    if not limited and policy.per_second is None:
        return Admission(name, go=True, trial=trial is not None, token=trial)
    token = trial or uuid4()
    wait = limits.take(name, policy, token, lease)
    if wait is None:
        return Admission(name, go=True, trial=trial is not None, slot=limited, token=token)
    if trial is not None:
        breakers.learn(sql.fetch(participants.GIVE_BACK, {"name": name, "token": trial}))
    return Admission(name, go=False, wait=wait, why=f"{name} takes no more calls at the moment")


def _trial(name: str, lease: float) -> Admission:
    """The hold is over: of all workers that see this, one makes the trial call."""
    token = uuid4()
    won = sql.fetch(participants.TAKE_TRIAL, {"name": name, "token": token, "lease": lease})
    if won:
        breakers.learn(won)
        return _within_limits(name, lease, trial=token)
    state = breakers.reread(name)
    return _within_limits(name, lease) if state.closed else _denied(state)


def _denied(state: BreakerState) -> Admission:
    why = f"{state.name} is away: {state.reason}" if state.reason else f"{state.name} is away"
    wait = max(min(state.left, limits.LONGEST_QUEUE), SOON)
    return Admission(state.name, go=False, away=True, wait=wait, why=why)


def count_failure(name: str, token: UUID | None, reason: str) -> None:
    """A call found the participant away: after enough of them in a row, all calls are held."""
    policy = policy_of(name)
    given: dict[str, object] = {
        "name": name,
        "token": token,
        "reason": masked(reason, LONGEST_REASON),
        "trip_after": policy.trip_after,
        "holds": policy.holds(),
    }
    _write(participants.AWAY, given)


def _by_hand(statement: str, name: str, reason: str) -> None:
    _write(statement, {"name": name, "reason": masked(reason, LONGEST_REASON)})


def _write(statement: str, given: dict[str, object]) -> None:
    """Change the participant's row; the first failure ever creates it."""
    rows = sql.fetch(statement, given)
    if not rows:
        sql.execute(participants.MAKE, {"names": [given["name"]]})
        rows = sql.fetch(statement, given)
    breakers.learn(rows)
