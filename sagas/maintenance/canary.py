"""The canary: a run without effect that goes the whole path of a run, each minute, so that the path has an age.

Beat starts it, the outbox and its relay bring it to the broker, a worker takes it, carries out its steps, and records
them. A part that stands still, whichever it is, shows within minutes, also while no customer orders anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from outbox.heartbeats import heartbeat

from .. import sql
from ..declare.context import StepContext
from ..declare.saga import Saga
from ..settings import saga_settings
from ..sql import canary as statements
from .prune import REMOVE

KEPT = timedelta(hours=1)


@dataclass(frozen=True)
class Canary:
    """The input of a canary: when it was started, in words."""

    started: str


canary = Saga[Canary](statements.NAME)


@canary.step(undo=None)
def depart(_ctx: StepContext[Canary]) -> None:
    """A worker has taken the run."""


@canary.step(undo=None)
def arrive(_ctx: StepContext[Canary]) -> None:
    """The first step is recorded, and the next one follows it."""


@heartbeat.leaves("sagas.canary", "canaries started")
def start_canary() -> int:
    """Start a canary unless one is still on its way, and remove those that ended an hour ago; returns how many started.

    Does nothing with SAGAS_CANARY = False.
    """
    if not saga_settings.CANARY:
        return 0
    with transaction.atomic():
        remove_old()
        if not _one(statements.MAY_START, {"turn": statements.TURN, "name": statements.NAME}):
            return 0
        started = _one(statements.NOW, {})
        canary.start(Canary(started), key=started)
    return 1


def remove_old() -> int:
    """Remove the canaries that ended more than an hour ago, but the last that completed; returns how many."""
    ids = [run for (run,) in sql.fetch(statements.OLD, {"name": statements.NAME, "keep": KEPT})]
    for statement in REMOVE if ids else ():
        sql.execute(statement, {"ids": ids})
    return len(ids)


def _one(statement: str, parameters: dict[str, Any]) -> Any:
    return sql.fetch(statement, parameters)[0][0]
