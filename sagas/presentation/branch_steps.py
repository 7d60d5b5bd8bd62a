"""A run's steps as they were declared: those that stand side by side in place of the one that starts them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from ..declare import registry
from ..declare.spread import Group
from ..errors import SagaError
from ..models import Child, Run, Step


def steps_of(run: Run) -> tuple[list[Step], int | None]:
    """The steps in order, their positions counted anew from 0, and the position at which the run stands.

    Of several branches it stands at one that waits for a participant, or else at one that is not over. A branch's step
    has its own run as `run`; one of a branch that is not started yet is not saved. A saga without branches costs no
    statement more.
    """
    steps = list(run.steps.all())
    groups = _groups(run)
    if not any(step.name in groups for step in steps):
        return steps, run.position
    shown: list[Step] = []
    at: int | None = run.position
    for step in steps:
        beside = list(_of_group(run, step, groups[step.name])) if step.name in groups else [copy(step)]
        if step.position == run.position:
            at = len(shown) + beside.index(_current(run, beside))
        shown += beside
    for position, one in enumerate(shown):
        one.position = position
    return shown, at


def _current(run: Run, beside: list[Step]) -> Step:
    waiting = [step for step in beside if step.run_id != run.pk and step.run.waits_for]
    unfinished = [step for step in beside if step.run_id == run.pk or step.run.finished_at is None]
    return [*waiting, *unfinished, *beside][0]


def _groups(run: Run) -> dict[str, Group]:
    try:
        steps = registry.find(run.name, run.version).steps
    except SagaError:
        return {}
    return {step.name: step.spread for step in steps if isinstance(step.spread, Group)}


def _of_group(run: Run, step: Step, group: Group) -> Iterator[Step]:
    items = dict(Child.objects.filter(parent=run, step=step.name).values_list("run", "item"))
    found = {items[one.run_id]: one for one in Step.objects.filter(run__in=items, position=0).select_related("run")}
    for item, name in enumerate(group.names):
        yield found[item] if item in found else Step(run=run, name=name)
