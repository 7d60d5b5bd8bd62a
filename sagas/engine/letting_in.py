"""Lets runs that share the workers in, a few at a time: a long queue of one share is nobody's but its own.

A run with a share, a priority or a limit has a ticket. It waits, and nobody claims a step of it, until it is let in;
from then on it is a run as any other. At most AHEAD runs are let in and not begun: whoever comes now waits for no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from outbox.messages import trace

from .. import sql
from ..declare import registry
from ..declare.share import EVERY, Share
from ..settings import is_pooled, saga_settings
from ..sql import shares
from .fair_order import Order, Waiting
from .run_ready import RunReady
from .slow_starts import slow_starts

AHEAD = 16
"""Runs that are let in and not begun, over all workers: as many as make a hand, and few enough to wait behind."""
UNBEGUN = 30.0
"""Seconds after which a run that no worker takes holds up nobody else."""


@dataclass(slots=True)
class LetIn:
    """Whom one look has let in."""

    pooled: list[UUID] = field(default_factory=list)
    """Any worker may take them, those first that stand first."""
    apart: list[tuple[RunReady, trace.Trace]] = field(default_factory=list)
    """They go on by a message of their own, as those whose first step is slow."""
    some_wait: bool = True
    """Whether others may wait still."""


def let_in(most: int = AHEAD) -> LetIn:
    """Let in whose turn it is, at most `most` and no more than AHEAD with those that have not begun.

    One process does so at a time; another returns without. What it has let in is committed.
    """
    with transaction.atomic():
        ((is_ours,),) = sql.fetch(shares.TURN, {})
        if not is_ours:
            return LetIn()
        shares.FORGET.count({})
        lines = shares.LINES.rows({})
        if not lines:
            return LetIn(some_wait=False)
        return _next_of(lines, most)


def policy_of(share: str) -> Share:
    """What SAGAS_SHARES says of the share."""
    known = saga_settings.SHARES
    return known.get(share) or known.get(EVERY) or Share()


def _next_of(lines: list[tuple[Any, ...]], most: int) -> LetIn:
    found = shares.LET_IN_NOW.rows({"patience": UNBEGUN})
    room = min(most, AHEAD - sum(unbegun for *_, unbegun in found))
    if room <= 0:
        return LetIn()
    order = _order(lines, found)
    heads = [Waiting(share, line, priority, run_id) for share, line, _, priority, run_id in lines]
    chosen = order.choose(_first_of(order, heads, room), room)
    return _write(order, chosen) if chosen else LetIn()


def _order(lines: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> Order:
    passed = dict(shares.TIMES.rows({}))
    living: dict[str, int] = {}
    of_lines: dict[str, int] = {}
    for share, line, limited, _ in found:
        living[share] = living.get(share, 0) + limited
        of_lines[line] = of_lines.get(line, 0) + limited
    return Order(
        policies={share: policy_of(share) for share, *_ in lines},
        lines={line: at_once for _, line, at_once, *_ in lines if at_once is not None},
        living=living,
        living_of_lines=of_lines,
        now=passed.pop(EVERY, 0.0),
        passed=passed,
    )


def _first_of(order: Order, heads: list[Waiting], room: int) -> list[Waiting]:
    """The first runs of the lines that may be among the next: of the shares that are behind, the lines that lead."""
    by_share: dict[str, list[Waiting]] = {}
    for head in sorted(heads, key=lambda one: one.rank):
        if order.has_room(head.share, head.line):
            by_share.setdefault(head.share, []).append(head)
    behind = sorted(by_share, key=lambda share: (order.starts_at(share), by_share[share][0].rank))[:room]
    lines = [(head.share, head.line) for share in behind for head in by_share[share][:room]]
    given = {"shares": [share for share, _ in lines], "lines": [line for _, line in lines], "most": room}
    return [Waiting(*row) for row in shares.FIRST_OF.rows(given)] if lines else []


def _write(order: Order, chosen: list[Waiting]) -> LetIn:
    rows = shares.LET_IN.rows(
        {
            "runs": [one.run_id for one in chosen],
            "limited": [order.is_limited(one) for one in chosen],
            "apart": _apart(),
            "patience": saga_settings.PATIENCE.total_seconds(),
        }
    )
    moved = {one.share for one in chosen}
    times = {EVERY: order.now} | {share: order.passed[share] for share in moved}
    sql.execute(shares.MOVE_ON, {"names": list(times), "passed": list(times.values())})
    sql.execute(shares.CAUGHT_UP, {"all": order.now})
    let = LetIn()
    by_run = {row[0]: row for row in rows}
    for one in chosen:
        if one.run_id in by_run:
            _sort_in(let, *by_run[one.run_id])
    return let


def _sort_in(
    let: LetIn, run_id: UUID, name: str, version: int, position: int, request_id: str, traceparent: str, apart: bool
) -> None:
    if apart:
        ready = RunReady(run_id, name, version, undo=False, position=position)
        let.apart.append((ready, trace.start(request_id, traceparent).child()))
    else:
        let.pooled.append(run_id)


def _apart() -> list[str]:
    """The sagas whose runs gain nothing by waiting for any worker."""
    return [f"{saga.name} {saga.version}" for saga in registry.all_sagas() if not is_pooled() or slow_starts.has(saga)]
