"""A run's steps as they were declared: those that stand side by side in place of the one that starts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

from ..declare import registry
from ..declare.spread import Group
from ..errors import SagaError
from ..models import Child, Run, Step


def steps_of(run: Run) -> tuple[list[Step], int | None]:
    """The steps in order, their positions counted anew from 0, and the position at which the run stands.

    Of several branches it stands at one that waits for a participant, or else at one in hand, or to come. For a
    branch's step see `declared_steps`. A saga without branches costs no statement more.
    """
    steps = list(run.steps.all())
    spread = declared_steps(run, steps)
    if spread == [[step] for step in steps]:
        return steps, run.position
    shown: list[Step] = []
    at: int | None = run.position
    for step, beside in zip(steps, spread, strict=True):
        if step.position == run.position:
            at = len(shown) + beside.index(current_of(run, beside)[0])
        shown += [copy(one) for one in beside]
    for position, one in enumerate(shown):
        one.position = position
    return shown, at


def declared_steps(run: Run, steps: Sequence[Step]) -> list[list[Step]]:
    """What each of the run's own steps stands for: itself, or the steps side by side that it starts, as they are kept.

    A branch's step has its own run as `run`; one of a branch that is not started yet is not saved, and has the run that
    is given.
    """
    groups = _groups(run)
    return [list(_of_group(run, step, groups[step.name])) if step.name in groups else [step] for step in steps]


def current_of(run: Run, beside: Sequence[Step]) -> list[Step]:
    """The steps at which a run stands that stands at these, those that wait for a participant first.

    They are those in hand; where no branch is, those to come; and all of them once each is over.
    """
    begun = [step for step in beside if step.run_id != run.pk and step.run.finished_at is None]
    begun.sort(key=lambda step: not step.run.waits_for)
    return begun or [step for step in beside if step.run_id == run.pk] or list(beside)


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
