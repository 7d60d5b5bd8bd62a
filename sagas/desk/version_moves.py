"""Move a run to a newer version of its saga, whose list begins with the steps that are done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from outbox.messages import codec

from ..declare import registry
from ..declare.saga import Saga
from ..engine.attributes import write_anew
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import change, may_have_happened, ready
from ..errors import WrongState
from ..models import Child, Run, RunStatus, Step
from ..settings import saga_settings
from .acts import UNDO_STATUSES, Actor, DoesNotFit, act, current_step, put_back_to_waiting
from .skips import decode_result
from .started_runs import refuse_branch, refuse_open_children


def move(run_id: UUID, *, actor: Actor, reason: str, version: int, row_version: int | None = None) -> None:
    """Continue the run by a newer version of its saga: that version's steps replace those that were not called yet.

    The steps that are done or were called must have the same names and places in the newer list, on the same side of
    the pivot; input and results must fit its types. The run's status and deadline stay; a stuck run stays stuck, and is
    then retried on the newer version.

    Raises DoesNotFit when something does not fit; SagaError when this code does not declare the version; WrongState
    when the run has ended or is being undone, or a worker has claimed its step.
    """
    with act("move", run_id, actor, reason, row_version) as pending:
        run, step = pending.run, current_step(pending, "move")
        refuse_branch(run, "move")
        refuse_open_children(run, "move")
        if step.status in UNDO_STATUSES:
            raise WrongState("move", "being undone", "What was done is undone by the version that did it.")
        target = registry.find(run.name, version)
        asked = may_have_happened(step)
        steps = list(run.steps.all())
        kept = steps[: run.position + 1] if asked else steps[: run.position]
        refuse_misfit(run, kept, target)
        put_back_to_waiting(run, step)  # a late worker would continue by the older list
        pending.before["steps"] = [one.name for one in steps]
        pending.after["steps"] = [one.name for one in target.steps]
        _rewrite(run, steps, len(kept), target)
        write_anew(run)
        _continue(run)


def newer_versions(run: Run) -> list[int]:
    """The declared versions of the run's saga that are newer than the run's, the newest first."""
    return sorted(
        (saga.version for saga in registry.all_sagas() if saga.name == run.name and saga.version > run.version),
        reverse=True,
    )


def refuse_misfit(run: Run, kept: list[Step], target: Saga[Any]) -> None:
    """Raise DoesNotFit unless `target` can continue the run; the steps `kept` stay as they are."""
    here, there = f"version {run.version}", f"version {target.version}"
    if target.version <= run.version:
        raise DoesNotFit(f"The run is on {here} of {run.name}; it moves to a newer one only, not to {there}.")
    names, first = [step.name for step in kept], [step.name for step in target.steps[: len(kept)]]
    if names != first:
        raise DoesNotFit(
            f"Done or asked for already: {', '.join(names)}. {there.capitalize()} begins with {', '.join(first)}; "
            "they must be the same."
        )
    if run.position >= len(target.steps):
        raise DoesNotFit(f"{there.capitalize()} has no step left to do after {names[-1]}.")
    _refuse_other_pivot(run, len(kept), target)
    _refuse_unreadable(run, kept, target)


def _refuse_other_pivot(run: Run, kept: int, target: Saga[Any]) -> None:
    pivot = _pivot(run, target)
    if pivot != run.pivot and any(one is not None and one < kept for one in (pivot, run.pivot)):
        raise DoesNotFit(
            f"The point of no return of version {target.version} is {_named(target, pivot)}, that of this run is "
            "another step, and one of the two has been asked for."
        )


def _refuse_unreadable(run: Run, kept: list[Step], target: Saga[Any]) -> None:
    try:
        codec.decode(target.input_type, codec.encode(run.input))
    except ValueError as error:
        raise DoesNotFit(
            f"The run's input does not fit version {target.version}: {error}. Change the input first."
        ) from error
    for step in kept[: run.position]:
        decode_result(target.named(step.name), step.result)


def _rewrite(run: Run, steps: list[Step], kept: int, target: Saga[Any]) -> None:
    run.steps.filter(pk__in=[step.pk for step in steps[kept:]]).delete()
    Step.objects.bulk_create(Step(run=run, position=step.position, name=step.name) for step in target.steps[kept:])
    run.version, run.pivot = target.version, _pivot(run, target)


def _continue(run: Run) -> None:
    if run.status == RunStatus.STUCK:
        change(run, RunStatus.STUCK, wake_at=None)
        return
    change(run, RunStatus(run.status), wake_at=Now() + saga_settings.PATIENCE)
    ring_on_commit(ready(run), run)


def _named(target: Saga[Any], pivot: int | None) -> str:
    return "none" if pivot is None else target.steps[pivot].name


def _pivot(run: Run, saga: Saga[Any]) -> int | None:
    """None also for a run that another one has started, of a saga without a pivot: that one may undo it to its end."""
    if saga.pivot_step is None and Child.objects.filter(run=run).exists():
        return None
    return saga.point_of_no_return
