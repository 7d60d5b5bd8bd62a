"""Start runs for a step, in the transaction that holds their parent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from outbox import publish
from outbox.ids import uuid7
from outbox.messages import codec, trace
from outbox.publishing.publish import gathering, ring_after_commit
from outbox.sql import insert_messages

from .. import sql
from ..declare.saga import Saga
from ..declare.spread import Items
from ..declare.step import Step
from ..engine.commands import LONGEST_KEY, accept
from ..engine.run_ready import RunReady
from ..engine.slow_starts import slow_starts
from ..errors import Unfit
from ..models import Child, Run
from ..settings import is_pooled, saga_settings


def start_branches(parent: Run, step: Step[Any, Any], items: Sequence[int]) -> None:
    """Start these branches, or items, of the step; `parent` is locked. Raises Unfit for a key that another run has."""
    spread = step.spread
    assert spread is not None, "the caller has looked"  # noqa: S101
    if isinstance(spread, Items):
        pooled = is_pooled() and not slow_starts.has(spread.saga)
        _start(parent, step, spread.saga, {item: _branch(parent, item) for item in items}, pooled=pooled)
        return
    for item in items:  # a thread each: none waits in a hand behind another
        _start(parent, step, spread.saga_of(item), {item: _branch(parent, item)}, pooled=False)


def start_child(parent: Run, step: Step[Any, Any], input: Any, key: str) -> None:
    """Start the child of the step with this input; `parent` is locked. Raises Unfit as `Saga.start` does."""
    spread = step.spread
    assert spread is not None, "the caller has looked"  # noqa: S101
    saga = spread.saga_of(0)
    key = key or _key(parent, step, 0)
    with trace.use(trace.start(parent.request_id, parent.traceparent)):
        run_id, is_new = accept(saga, input, key=key, subject=parent.subject)
    if not is_new:
        raise Unfit(f"{step.title}: a run of {saga.name} with the key {key} was started by somebody else.")
    if saga.pivot_step is None:
        Run.objects.filter(pk=run_id).update(pivot=None)  # its parent may take it back to its end
    Child.objects.create(run_id=run_id, parent=parent, step=step.name, item=0)


def _start(parent: Run, step: Step[Any, Any], saga: Saga[Any], inputs: dict[int, str], *, pooled: bool) -> None:
    ids = [uuid7() for _ in inputs]
    keys = [_key(parent, step, item) for item in inputs]
    values = {
        "ids": ids,
        "keys": keys,
        "inputs": list(inputs.values()),
        "items": list(inputs),
        "parent": parent.pk,
        "step": step.name,
        "name": saga.name,
        "version": saga.version,
        "subject": parent.subject,
        "pivot": -1 if saga.forward_only else None,  # without one, its parent may take it back to its end
        "patience": saga_settings.PATIENCE.total_seconds(),
        "request_id": parent.request_id,
        "traceparent": parent.traceparent,
        "names": [one.name for one in saga.steps],
        "pooled": pooled,
    }
    if sql.START_CHILDREN.count(values) < len(ids):
        raise Unfit(f"{step.title}: a run of {saga.name} with the key {keys[0]} was started by somebody else.")
    _send(saga, ids, keys)


def _send(saga: Saga[Any], ids: Sequence[UUID], keys: Sequence[str]) -> None:
    with gathering() as messages:
        for run_id, key in zip(ids, keys, strict=True):
            publish(RunReady(run_id, saga.name, saga.version, undo=False, position=0), key=key)
    insert_messages(messages)
    ring_after_commit(urgent=True)


def _branch(parent: Run, item: int) -> str:
    return codec.encode({"parent": parent.pk, "item": item})


def _key(parent: Run, step: Step[Any, Any], item: int) -> str:
    """Readable where it fits, and always the same."""
    assert step.spread is not None, "the caller has looked"  # noqa: S101
    key = step.spread.key_of(parent.key, item)
    return key if len(key) <= LONGEST_KEY else step.spread.key_of(str(parent.pk), item)
