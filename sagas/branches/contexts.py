"""What the functions of a branch are given: its parent's input, id and results, and a key of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ..declare.branch import Branch
from ..declare.context import Earlier, StepContext, UndoContext
from ..declare.spread import Items
from ..declare.step import Step
from ..engine.work import results_of
from ..errors import Unfit


def step_context(ctx: StepContext[Branch], of: Step[Any, Any]) -> StepContext[Any]:
    """The context of the branch's run, in its parent's terms. Raises Unfit."""
    parent = ctx.input.of
    return StepContext(
        parent.input,
        parent.run_id,
        key_of(ctx.input, of),
        ctx.attempt,
        ctx.timeout,
        _earlier(of, parent.run_id),
        _item(ctx.input, of),
        ctx.beat,
        ctx.notes,
    )


def undo_context(ctx: UndoContext[Branch, Any], of: Step[Any, Any]) -> UndoContext[Any, Any]:
    """The same for its undo. Raises Unfit."""
    parent, key = ctx.input.of, key_of(ctx.input, of)
    return UndoContext(
        parent.input,
        parent.run_id,
        f"{key}.undo",
        key,
        ctx.result,
        ctx.attempt,
        ctx.timeout,
        results_of(parent.run_id),
        _item(ctx.input, of),
    )


def key_of(branch: Branch, of: Step[Any, Any]) -> str:
    """The idempotency key: the one that the step would have in its parent's list, and the item's number."""
    key = f"{branch.parent}.{of.name}"
    return f"{key}.{branch.item}" if isinstance(of.in_list.spread, Items) else key


def _item(branch: Branch, of: Step[Any, Any]) -> Any:
    spread = of.in_list.spread
    if not isinstance(spread, Items):
        return None
    items = spread.items(branch.of.input)
    if branch.item >= len(items):
        raise Unfit(f"{of.title}: item {branch.item} is gone from the parent's input, which has {len(items)} now.")
    return items[branch.item]


def _earlier(of: Step[Any, Any], run_id: UUID) -> Earlier:
    """The results of the steps that the branch comes after; no other surely has one."""
    results, before = results_of(run_id), of.saga.before[of.name]

    def result_of(name: str, type_: Any) -> Any:
        if name not in before:
            why = f"{of.title} asks for the result of {name}, which it does not come after; name it in after=."
            raise Unfit(why)
        return results(name, type_)

    return result_of
