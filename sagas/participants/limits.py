"""A participant's limits over all workers: calls at the same time (slots), and calls a second (a queue of turns)."""

from __future__ import annotations

import random
from uuid import UUID

from .. import sql
from ..declare.participant import Participant
from ..sql import participants

LATE = 0.1
"""Seconds by which a call may miss its turn and still have it. Turns are spaced wider by this share of a second, so
that within any second no more than `per_second` calls begin."""
LONGEST_QUEUE = 60.0
"""Longest wait in seconds, so that a raised limit takes effect soon."""
SLOT_WAIT = (0.2, 1.0)
"""Range in seconds, from which a call without a slot draws its wait: those turned away together return apart."""


def take(name: str, policy: Participant, token: UUID, lease: float) -> float | None:
    """Take a slot and a turn, where the policy has such limits.

    Returns None when the call may be made; its slot is then held until `release`, or for `lease` seconds. Else the
    seconds after which to come again; nothing is held then.
    """
    if policy.at_once is not None and not _slot(name, policy.at_once, token, lease):
        return random.uniform(*SLOT_WAIT)
    wait = None if policy.per_second is None else _turn(name, policy.per_second)
    if wait is not None and policy.at_once is not None:
        release(name, token)
    return wait


def keep(name: str, token: UUID, lease: float) -> None:
    """Hold the slot for `lease` seconds from now on."""
    sql.execute(participants.KEEP_SLOT, {"name": name, "token": token, "lease": lease})


def release(name: str, token: UUID) -> None:
    """Release the slot."""
    sql.execute(participants.FREE_SLOT, {"name": name, "token": token})


def _slot(name: str, at_once: int, token: UUID, lease: float) -> bool:
    given = {"name": name, "at_once": at_once, "token": token, "lease": lease}
    if sql.execute(participants.TAKE_SLOT, given):
        return True
    made = sql.execute(participants.MAKE_SLOTS, given)  # the first call ever, or after the limit was raised
    return bool(made and sql.execute(participants.TAKE_SLOT, given))


def _turn(name: str, per_second: float) -> float | None:
    given = {"name": name, "interval": (1 + LATE) / per_second, "late": LATE, "longest": LONGEST_QUEUE}
    if sql.execute(participants.TAKE_TURN, given):
        return None
    ((wait,),) = sql.fetch(participants.QUEUE_FOR_TURN, given)
    return max(float(wait), 0.05)
