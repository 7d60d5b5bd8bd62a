"""Carries a run and all that it starts, as workers would: link by link, in this process, and each wake by its event."""

from __future__ import annotations

from uuid import UUID

from sagas import Saga
from sagas.branches.waking import wake_parent
from sagas.engine.continuation import RetryIn
from sagas.models import Child, Run, Step

from .driver import OVER, step_once


def family(run_id: UUID) -> list[UUID]:
    """The run's descendants, the deepest first, and the run itself."""
    children = Child.objects.filter(parent=run_id).order_by("pk").values_list("run", flat=True)
    return [one for child in children for one in family(child)] + [run_id]


def carry_all(run_id: UUID, *, most: int = 400) -> Run:
    """Go on until the run has ended or is stuck, or stands still; waits for time are over at once."""
    for _ in range(most):
        run = Run.objects.get(pk=run_id)
        if run.status in OVER:
            return run
        before = standing(run_id)
        for one in family(run_id):
            if Run.objects.get(pk=one).status in OVER:
                continue
            if isinstance(step_once(one), RetryIn) and not waits_for_runs(one):
                Step.objects.filter(run_id=one).update(next_attempt_at=None)
            wake_parent(one, None)
        if standing(run_id) == before:
            return run
    raise AssertionError(f"{run_id} is still {run.status} at {run.position} after {most} rounds")


def waits_for_runs(run_id: UUID) -> bool:
    run = Run.objects.get(pk=run_id)
    return Child.objects.filter(parent=run_id, step=run.steps.get(position=run.position).name).exists()


def standing(run_id: UUID) -> list[object]:
    runs = Run.objects.filter(pk__in=family(run_id)).order_by("pk").values_list("status", "position")
    steps = Step.objects.filter(run__in=family(run_id)).order_by("pk").values_list("status", "attempts", "error_text")
    return [*runs, *steps, *Step.objects.order_by("pk").values_list("undo_attempts", "next_attempt_at")]


def child_of(run_id: UUID, item: int = 0, step: str = "") -> Run:
    chosen = Child.objects.filter(parent=run_id, item=item)
    return (chosen.filter(step=step) if step else chosen).get().run


def statuses(run_id: UUID) -> dict[str, str]:
    """Of each child, by its saga's name and key."""
    return {child.run.name: child.run.status for child in Child.objects.filter(parent=run_id).order_by("item")}


__all__ = ["Saga"]
