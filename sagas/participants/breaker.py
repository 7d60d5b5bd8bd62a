"""Whether a participant may be called now: the breaker that all workers share, and the participant's limits.

    admission = admit("payments", lease)      # before the step is claimed
    if admission.go:
        …                                     # claim, call, record
        settled(admission, answered=answered(error))
    elif admission.away:
        hold(…)                               # the run waits for the participant; `release` brings it back
    else:
        put_off(…, admission.wait)            # a limit: come again for its turn

Both are called with no transaction open. A call to a participant that answers and has no limits costs no statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from outbox.messages.texts import plain

from .. import sql
from ..errors import Refused, RetryAfter, Unavailable
from ..sql import participants
from . import limits
from .breaker_cache import Standing, standings
from .configured import policy_of

LONGEST_REASON = 1000
TURNED_AWAY = (429, 502, 503, 504)
"""Statuses by which a server, or a gateway before it, says that the participant takes no calls. A 500 is an answer: one
call that a participant cannot digest holds nobody else's."""
SOON = 1.0  # seconds; for a call that has to wait for an end that nobody knows
OURS = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    ChildProcessError,
    ProcessLookupError,
    ValueError,  # requests' InvalidURL and InvalidJSONError are both
)


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
    Give every admission that goes to `settled`, whatever became of it.
    """
    if not name:
        return Admission(name, go=True)
    standing = standings.of(name)
    if standing.closed:
        return _within_limits(name, lease)
    if standing.left > 0:
        return _denied(standing)
    return _trial(name, lease)


def free(name: str) -> bool:
    """Whether any call to the participant goes, with nothing to take or to give back for it. Costs no statement."""
    policy = policy_of(name)
    return not name or (policy.at_once is None and policy.per_second is None and standings.of(name).closed)


def unconcerned(name: str) -> bool:
    """Whether a call to the participant goes and leaves nothing behind, whatever comes of it but an outage."""
    return free(name) and not standings.of(name).failures


def settled(admission: Admission, *, answered: bool | None, reason: str = "") -> None:
    """Say what became of an admitted call: at most one statement, none when there is nothing to write.

    `answered` is True for any real answer, a refusal included; False when the participant is away; None when it was
    not asked, or an error of our own says nothing about it. `reason` is shown to operators.
    """
    name, token = admission.name, admission.token
    if not name:
        return
    if answered is False:
        _failed(name, token, reason)
    elif answered and (admission.trial or standings.of(name).failures):
        standings.learn(sql.fetch(participants.ANSWERED, {"name": name, "token": token}))
    elif admission.trial:
        standings.learn(sql.fetch(participants.GIVE_BACK, {"name": name, "token": token}))
    elif admission.slot and token is not None:
        limits.release(name, token)


def answered(error: BaseException | None) -> bool | None:
    """What an attempt's end says about the participant, for `settled`: None for an error of our own.

    An HTTP error that carries a status is an answer, unless it is one of TURNED_AWAY; so is one that says so itself by
    `is_there`, as a client's own errors may.
    """
    if error is None:
        return True
    if is_away(error):
        return False
    said = isinstance(error, Refused | RetryAfter) or _status(error) is not None or getattr(error, "is_there", False)
    return True if said else None


def is_away(error: BaseException) -> bool:
    """Whether the error says that the participant is away: Unavailable, or the network's part of OSError."""
    if isinstance(error, Unavailable):
        return True
    if not isinstance(error, OSError) or isinstance(error, OURS):
        return False
    status = _status(error)
    return status is None or status in TURNED_AWAY


def _status(error: BaseException) -> int | None:
    """The HTTP status that the errors of `requests`, and of those like it, carry."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def close(name: str, reason: str) -> None:
    """Let calls go through from now on, whatever failed before; what waits returns at its bounded rate."""
    _by_hand(participants.CLOSE, name, reason)


def open_by_hand(name: str, reason: str) -> None:
    """Hold all calls until `close`: no trial is made. Calls under way are not stopped."""
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
        standings.learn(sql.fetch(participants.GIVE_BACK, {"name": name, "token": trial}))
    return Admission(name, go=False, wait=wait, why=f"{name} takes no more calls at the moment")


def _trial(name: str, lease: float) -> Admission:
    """The hold is over: of all that find it so, over all workers, one goes."""
    token = uuid4()
    won = sql.fetch(participants.TAKE_TRIAL, {"name": name, "token": token, "lease": lease})
    if won:
        standings.learn(won)
        return _within_limits(name, lease, trial=token)
    standing = standings.reread(name)
    return _within_limits(name, lease) if standing.closed else _denied(standing)


def _denied(standing: Standing) -> Admission:
    why = f"{standing.name} is away: {standing.reason}" if standing.reason else f"{standing.name} is away"
    wait = max(min(standing.left, limits.LONGEST_QUEUE), SOON)
    return Admission(standing.name, go=False, away=True, wait=wait, why=why)


def _failed(name: str, token: UUID | None, reason: str) -> None:
    policy = policy_of(name)
    given: dict[str, object] = {
        "name": name,
        "token": token,
        "reason": plain(reason, LONGEST_REASON),
        "trip_after": policy.trip_after,
        "holds": policy.holds(),
    }
    _write(participants.AWAY, given)


def _by_hand(statement: str, name: str, reason: str) -> None:
    _write(statement, {"name": name, "reason": plain(reason, LONGEST_REASON)})


def _write(statement: str, given: dict[str, object]) -> None:
    """Change the participant's row, which the first of all failures has to make."""
    rows = sql.fetch(statement, given)
    if not rows:
        sql.execute(participants.MAKE, {"names": [given["name"]]})
        rows = sql.fetch(statement, given)
    standings.learn(rows)
