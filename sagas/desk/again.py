"""Run a run that has ended again, from a step on: a new run under a new key, which carries over what was done before.

What is carried over stays the ended run's: its effects bear that run's idempotency keys, and the new run's undo leaves
them alone. The steps from there on get the new run's keys, so that participants carry them out once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from outbox.messages import codec

from .. import sql
from ..declare import registry
from ..declare.ran_again import RanAgain
from ..declare.saga import Saga
from ..declare.step import Step as DeclaredStep
from ..engine.commands import accept
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import change, locked, may_have_happened, ready
from ..errors import SagaError, WrongState
from ..models import Act, Child, Run, RunStatus, Step, StepStatus
from ..settings import saga_settings
from .acts import Actor, DoesNotFit, act, record, snapshot
from .started_runs import refuse_branch

VERB, SAYS = "again", "run again"
CARRIED = (StepStatus.DONE, StepStatus.PASSED_OVER)


class EffectsDoubled(DoesNotFit):
    """Steps that took effect in the ended run would take effect once more; nothing was done. `steps` names them."""

    def __init__(self, run: Run, steps: Sequence[str]) -> None:
        self.steps = tuple(steps)
        names = ", ".join(steps)
        super().__init__(
            f"In the run {run.key} these steps may have taken effect, and they would once more, under new idempotency "
            f"keys: {names}. Where that is wanted, confirm it by naming them: {','.join(steps)}."
        )


def run_again(
    run_id: UUID,
    from_step: str,
    *,
    actor: Actor,
    reason: str,
    key: str = "",
    confirm: Iterable[str] = (),
    row_version: int | None = None,
) -> UUID:
    """Start a run that does what the ended one was for, from `from_step` on, with the same input. Returns its id.

    Earlier steps count as done, with the ended run's results. `key` is the new run's, by default the old one's with
    `.again`. `confirm` names each step that took effect and would take effect once more. The host's `ran_again` hook is
    called in the transaction. A run is run again once: after that, the new one is.

    Raises EffectsDoubled for steps that `confirm` does not name; DoesNotFit when the step, the key or the results do
    not fit, and when the saga or its hook refuses; WrongState when the run has not ended or is part of another one.
    """
    with act(VERB, run_id, actor, reason, row_version) as pending:
        run, plan = pending.run, plan_of(pending.run, from_step)
        if set(plan.doubled) - set(confirm):
            raise EffectsDoubled(run, plan.doubled)
        new = _started(run, plan, key or f"{run.key}.{VERB}")
        facts = {"from_step": from_step, "confirmed": list(plan.doubled)}
        pending.after |= {"again_run": str(new.pk), "again_key": new.key, **facts}
        _tell_host(run, new, plan)
        of, state = {"again_of": str(run.pk), "again_of_key": run.key}, snapshot(new)
        record(new, VERB, actor, reason, state | of, state | facts)
        return new.pk


def check_again(run: Run, *, from_step: str, key: str = "", confirm: Iterable[str] = ()) -> str:
    """What a second person must know: which effects would be doubled. Raises as `run_again` does."""
    plan = plan_of(run, from_step)
    if set(plan.doubled) - set(confirm):
        raise EffectsDoubled(run, plan.doubled)
    _refuse_taken_key(run, key or f"{run.key}.{VERB}")
    return f"These steps take effect once more: {', '.join(plan.doubled)}" if plan.doubled else ""


def may_run_again(run: Run) -> bool:
    """Whether it can be run again at all, whatever the step."""
    try:
        _saga_of(run)
    except SagaError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Plan:
    """What running again from a step comes to."""

    saga: Saga[Any]
    first: DeclaredStep[Any, Any]
    input: Any
    doubled: list[str]
    """Names of the steps that may have taken effect, and would once more."""


def plan_of(run: Run, from_step: str) -> Plan:
    """Raises DoesNotFit, WrongState, and SagaError when this code does not declare the run's version."""
    saga = _saga_of(run)
    first = _first(saga, from_step)
    steps = list(run.steps.order_by("position"))
    if [step.name for step in steps] != [step.name for step in saga.steps]:
        raise DoesNotFit(f"The steps of {saga.name}, version {saga.version}, are no longer those of this run.")
    try:
        value = codec.decode(saga.input_type, codec.encode(run.input))
    except ValueError as error:
        raise DoesNotFit(f"The run's input does not fit this code: {error}") from error
    for step in steps[: first.position]:
        _refuse_carrying(run, step, saga)
    doubled = [step.name for step in steps[first.position :] if _has_effect(run, step, saga.named(step.name), value)]
    return Plan(saga, first, value, doubled)


def _saga_of(run: Run) -> Saga[Any]:
    if run.finished_at is None:
        raise WrongState(SAYS, RunStatus(run.status).label, "Only a run that has ended is; wait for it, or close it.")
    refuse_branch(run, SAYS)
    if Child.objects.filter(run=run).exists():
        raise WrongState(SAYS, "the child of another run", "That one waits for no second child; run it again instead.")
    saga = registry.find(run.name, run.version)
    if saga.not_again:
        raise DoesNotFit(saga.not_again)
    earlier = again_by(run)
    if earlier is not None:
        raise WrongState(SAYS, f"run again already, as {earlier.after['again_key']}", "Run that one again.")
    return saga


def again_by(run: Run) -> Act | None:
    """The act that ran it again; None when none did."""
    return run.acts.filter(verb=VERB, after__has_key="again_run").first()


def _first(saga: Saga[Any], name: str) -> DeclaredStep[Any, Any]:
    listed = {step.name: step for step in saga.steps}
    if name in listed:
        return listed[name]
    if name in saga.declared:
        whole = saga.steps[saga.declared[name].position].name
        raise DoesNotFit(f"{name} stands side by side with other steps. Run again from {whole}, which is all of them.")
    raise DoesNotFit(f"{saga.name} has no step {name!r}. It has: {', '.join(listed)}.")


def _refuse_carrying(run: Run, step: Step, saga: Saga[Any]) -> None:
    """Raise DoesNotFit unless the new run can begin behind the step."""
    instead = f"Run again from {step.name}, or from a step before it."
    if run.resolution == RunStatus.COMPENSATED:
        raise DoesNotFit(f"A person closed the run as undone: nothing of {step.name} is left. {instead}")
    if step.status not in CARRIED:
        raise DoesNotFit(f"{step.name} is {StepStatus(step.status).label} in that run: it has no result. {instead}")
    if saga.named(step.name).spread is not None:
        raise DoesNotFit(f"{step.name} started runs, and those belong to the run that has ended. {instead}")
    if step.status == StepStatus.DONE:
        _refuse_unreadable(step, saga, instead)


def _refuse_unreadable(step: Step, saga: Saga[Any], instead: str) -> None:
    try:
        codec.decode(saga.named(step.name).result_type, codec.encode(step.result))
    except ValueError as error:
        raise DoesNotFit(f"The result of {step.name} does not fit this code: {error}. {instead}") from error


def _has_effect(run: Run, step: Step, declared: DeclaredStep[Any, Any], value: Any) -> bool:
    """Whether a participant may have done the step, and it was not undone. Of our own database we are sure."""
    if declared.local or run.resolution == RunStatus.COMPENSATED:
        return False
    if declared.unless is not None and declared.unless(value):
        return False
    if run.resolution == RunStatus.COMPLETED:  # a person says so, whatever the step's row says
        return True
    return step.status != StepStatus.UNDONE and may_have_happened(step)


def _started(run: Run, plan: Plan, key: str) -> Run:
    _refuse_taken_key(run, key)
    new_id, is_new = accept(plan.saga, plan.input, key=key, subject=run.subject)
    if not is_new:  # somebody has just started it
        raise _taken(run, key)
    new = locked(new_id)
    if plan.first.position:
        sql.execute(sql.CARRY_OVER, {"of": run.pk, "run": new_id, "first": plan.first.position})
        new.position = plan.first.position
        change(new, RunStatus.RUNNING, wake_at=Now() + saga_settings.PATIENCE)
        if new.queued_at is None:
            ring_on_commit(ready(new), new)
    return new


def _refuse_taken_key(run: Run, key: str) -> None:
    if Run.objects.filter(name=run.name, key=key).exists():
        raise _taken(run, key)


def _taken(run: Run, key: str) -> DoesNotFit:
    return DoesNotFit(f"There is a run of {run.name} with the key {key} already. Give another key.")


def _tell_host(run: Run, new: Run, plan: Plan) -> None:
    hook = plan.saga.ran_again_run
    if hook is None:
        return
    try:
        hook(RanAgain(new.pk, new.key, run.pk, run.key, plan.first.name, plan.input))
    except ValueError as error:
        raise DoesNotFit(str(error)) from error
