"""The causes for which runs need a person: the step at which they stopped, and its code. One index answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.db.models.functions import Now
from django.urls import reverse

from .. import sql
from ..declare import registry
from ..declare.saga import Saga
from ..declare.stake import Stake
from ..desk import VERBS
from ..desk.second_person import needs_second_person
from ..desk.selection import NO_CODE
from ..models import ON_DESK, Run
from ..presentation.advice import advice_of
from ..presentation.labels import readable
from .causes import Cause, Link, source
from .stakes import total

if TYPE_CHECKING:
    from typing import Any

    from .causes import Viewer

# Answered from saga_run_desk, which has every column; its condition stands here word for word. Runs that somebody has
# snoozed are left out: they are few.
CAUSES = """
SELECT name, desk_step, desk_code, stake_currency, count(*), count(stake), sum(stake), min(desk_since)
FROM saga_run WHERE (status = 'stuck' OR asks_since IS NOT NULL)
  AND NOT EXISTS (SELECT FROM saga_handling h WHERE h.run_id = saga_run.id AND h.snoozed_until > statement_timestamp())
GROUP BY name, desk_step, desk_code, stake_currency
ORDER BY name, desk_step, desk_code
"""
WORDS = {
    "": "no code",
    "in_doubt": "the outcome is unknown",
    "still_failing": "fails each time, and is still tried",
    "own_failure": "our own failure, and is still tried",
    "undo_failed": "the undo failed",
    "unreadable": "the input cannot be read",
    "hook_failed": "a hook of ours failed",
}


def snoozed() -> int:
    """How many runs that need a person somebody has snoozed."""
    return Run.objects.filter(ON_DESK, handling__snoozed_until__gt=Now()).count()


@dataclass(slots=True)
class Found:
    """What the statement says of one cause, over all currencies."""

    count: int = 0
    known: int = 0
    stakes: list[Stake] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)


@source("sagas.view_run")
def causes_of_runs(user: Viewer) -> Iterator[Cause]:
    """One cause for each saga, step and code."""
    rows = sql.fetch(CAUSES, {})
    for (saga, step, code), some in groupby(rows, key=lambda row: row[:3]):
        found = Found()
        for *_, currency, count, known, amount, since in some:
            found.count += count
            found.known += known
            found.stakes += [] if amount is None else [Stake(amount, currency)]
            found.since += [] if since is None else [since]
        yield _cause(user, saga, step, code, found)


def query_of(saga: str, step: str, code: str) -> str:
    """The query of the run list that shows the runs of a cause, and of the bulk acts on them."""
    at = {"step": f"{saga}.{step}"} if step else {}
    return urlencode({"state": "stuck", "saga": saga, **at, "code": code or NO_CODE})


def _cause(user: Viewer, saga: str, step: str, code: str, found: Found) -> Cause:
    query = query_of(saga, step, code)
    declared = [one for one in registry.all_sagas() if one.name == saga]
    return Cause(
        about=saga,
        where=readable(step) if step else "At its end",
        why=WORDS.get(code, code),
        count=found.count,
        since=min(found.since, default=None),
        url=f"{reverse('admin:sagas_run_changelist')}?{query}",
        stakes=total(found.stakes),
        unknown=found.count - found.known,
        advice=advice_of(declared, code),
        acts=tuple(_acts(user, declared, step, query)),
    )


def _acts(user: Viewer, declared: list[Saga[Any]], step: str, query: str) -> Iterator[Link]:
    """The bulk acts that runs there may allow. Each link leads to a preview."""
    fitting = ("retry", "compensate", "resolve") if _may_turn(declared, step) else ("retry", "resolve")
    for name in fitting:
        verb = VERBS[name]
        if user.has_perm(verb.permission) and not needs_second_person(name):
            yield Link(f"{verb.title} …", f"{reverse('admin:sagas_bulk', args=[name])}?{query}")


def _may_turn(declared: list[Saga[Any]], step: str) -> bool:
    """Whether a run that stopped at the step may still be undone, in a version that this code declares."""
    for saga in declared:
        at = next((one.position for one in saga.steps if one.name == step), None)
        if at is not None and not saga.forward_only and (saga.pivot_step is None or at <= saga.pivot_step.position):
            return True
    return False
