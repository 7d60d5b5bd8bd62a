"""The runs that a run has started, the one that has started it, and a saga as a graph."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, IntegerField, QuerySet, Value, When

from .. import sql
from ..declare import registry
from ..declare.spread import Group
from ..errors import SagaError
from ..models import ON_DESK, Child, Run
from .labels import Badge, readable, run_badge

PAGE = 50
"""Runs that a page lists."""
COUNTS = """
SELECT c.step, count(*), count(*) FILTER (WHERE 'completed' IN (r.status, r.resolution)),
       count(*) FILTER (WHERE 'compensated' IN (r.status, r.resolution)),
       count(*) FILTER (WHERE r.status = 'stuck' OR r.asks_since IS NOT NULL)
FROM saga_child c JOIN saga_run r ON r.id = c.run_id
WHERE c.parent_id = %(parent)s GROUP BY 1 ORDER BY min(r.created_at), 1
"""


@dataclass(frozen=True, slots=True)
class Started:
    """One run that a step has started."""

    run: Run
    title: str
    badge: Badge


@dataclass(frozen=True, slots=True)
class StartedBy:
    """What one step has started: how many of them, and some of them, those that need a person first."""

    step: str
    count: int
    done: int
    undone: int
    needs_person: int
    runs: tuple[Started, ...]
    page: int
    pages: int

    @property
    def title(self) -> str:
        return readable(self.step)

    @property
    def running(self) -> int:
        """Neither done nor undone, and nobody need act."""
        return self.count - self.done - self.undone - self.needs_person


def started_by(run: Run, page: int = 1) -> list[StartedBy]:
    """By step, in the order of their start; `page` counts from 1."""
    return [_started(run, page, *row) for row in sql.fetch(COUNTS, {"parent": run.pk})]


def parent_of(run: Run) -> Run | None:
    """The run that has started this one."""
    child = Child.objects.select_related("parent").filter(run=run).first()
    return None if child is None else child.parent


def graph_of(name: str, version: int) -> tuple[list[str], list[tuple[str, str]]]:
    """The declared steps of a saga, in order, and which comes directly after which: (earlier, later).

    Edges that others imply are left out. Raises SagaError when this code does not declare the saga.
    """
    saga = registry.find(name, version)
    edges = [
        (earlier, later)
        for later, direct in saga.after.items()
        for earlier in saga.declared
        if earlier in direct and not any(earlier in saga.before[other] for other in direct)
    ]
    return list(saga.declared), edges


def _started(run: Run, page: int, step: str, count: int, done: int, undone: int, asking: int) -> StartedBy:
    pages = max(-(-count // PAGE), 1)
    page = min(max(page, 1), pages)
    names = _names(run, step)
    shown = _ordered(run, step)[(page - 1) * PAGE : page * PAGE]
    runs = tuple(Started(one, _title(one, names), run_badge(one)) for one in shown)
    return StartedBy(step, count, done, undone, asking, runs, page, pages)


def _ordered(run: Run, step: str) -> QuerySet[Run]:
    children = Run.objects.filter(parenthood__parent=run, parenthood__step=step).defer("input")
    first = Case(When(ON_DESK, then=Value(0)), default=Value(1), output_field=IntegerField())
    return children.select_related("parenthood").order_by(first, "parenthood__item")


def _title(run: Run, names: tuple[str, ...]) -> str:
    if not run.is_branch:
        return str(run)
    item = run.parenthood.item
    return readable(names[item]) if item < len(names) else f"Item {item}"


def _names(run: Run, step: str) -> tuple[str, ...]:
    try:
        spread = registry.find(run.name, run.version).named(step).spread
    except (SagaError, KeyError):
        return ()
    return spread.names if isinstance(spread, Group) else ()
