"""Which steps run one after the other, and which side by side.

A step through which every path goes stays a step of the saga's list. The steps between two of those become one step of
the list, which starts a run for each and waits for all. Names are in the order of declaration; what a step comes after
stands above it, so that there is no circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from . import rules
from .branch import BranchSaga, group_step
from .step import Step

if TYPE_CHECKING:
    from .saga import Saga

T = TypeVar("T")
Ancestors = Mapping[str, frozenset[str]]


def parts(names: Sequence[str], ancestors: Ancestors) -> list[list[str]]:
    """The names in order, those that stand side by side in one list: `[[a], [b, c], [d]]`."""
    found: list[list[str]] = []
    beside = False
    for number, name in enumerate(names):
        is_cut = len(ancestors[name]) == number and all(name in ancestors[later] for later in names[number + 1 :])
        if is_cut or not beside:
            found.append([])
        found[-1].append(name)
        beside = not is_cut
    return found


def comes_after(saga: Saga[Any], step: Step[Any, Any], after: Sequence[Step[Any, Any]] | None) -> frozenset[str]:
    """What the step comes directly after, by name: the one above it unless it says otherwise.

    The pivot comes after all that stands above it, and all that stands below it after the pivot. Raises
    SagaDeclarationError.
    """
    above = list(saga.declared)
    if step.is_pivot:
        return frozenset(above)
    if after is None:
        return frozenset(above[-1:])
    rules.check_after(saga, step, after)
    pivot = saga.pivot_step
    behind = {pivot.name} if pivot is not None else set()
    return frozenset({one.name for one in after} | behind)


def add(saga: Saga[T], step: Step[T, Any], after: Sequence[Step[T, Any]] | None) -> None:
    """Add a step to those declared, and arrange them. Raises SagaDeclarationError."""
    direct = comes_after(saga, step, after)
    saga.after[step.name] = direct
    saga.before[step.name] = direct.union(*(saga.before[name] for name in direct))
    saga.declared[step.name] = step
    arrange(saga)


def arrange(saga: Saga[T]) -> None:
    """Write `saga.steps` anew, and the positions of all declared steps."""
    names = list(saga.declared)
    listed: list[Step[T, Any]] = []
    for part in parts(names, saga.before):
        members = [saga.declared[name] for name in part]
        for member in members:
            member.position = len(listed)
        step = members[0].in_list if len(members) == 1 else _grouped(saga, members)
        step.position = len(listed)
        listed.append(step)
    saga.steps[:] = listed


def _grouped(saga: Saga[T], members: list[Step[T, Any]]) -> Step[T, Any]:
    for member in members:
        rules.check_branch(member)
    sagas = [_branch_of(saga, member) for member in members]
    after = [frozenset(n for n, other in enumerate(members) if other.name in saga.after[one.name]) for one in members]
    return group_step(saga, sagas, after)


def _branch_of(saga: Saga[T], member: Step[T, Any]) -> BranchSaga:
    known = saga.branches.get(member.name)
    if isinstance(known, BranchSaga):
        return known
    made = saga.branches[member.name] = BranchSaga(member)
    return made
