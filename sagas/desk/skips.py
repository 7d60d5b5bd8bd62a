"""Skip a step: the operator says that the current step is done, or undone, and the run continues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import JSONField, Max, Value
from django.db.models.functions import Now

from outbox.messages import codec

from ..declare import registry
from ..declare.context import StepContext, UndoContext
from ..declare.saga import Saga
from ..declare.step import Step as DeclaredStep
from ..engine.kept_waits import close
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import change, finish, ready, save
from ..engine.work import results_of, step_key
from ..errors import RecordingFailed
from ..models import Run, RunStatus, Step, StepStatus
from ..settings import saga_settings
from .acts import UNDO_STATUSES, Actor, DoesNotFit, act, current_step, release_claim
from .given import expected, given_values
from .given.validators import validating
from .started_runs import refuse_open_children


def skip(run_id: UUID, *, actor: Actor, reason: str, result: Any = None, row_version: int | None = None) -> None:
    """Record the current step as done with `result`, or its undo as done, and let the run continue.

    No participant is called: the operator has done the work. `result` is plain JSON (dict, list, text, number, None),
    fits what the step returns, is what the step's host expects, and passes its validator; an undo takes none. The
    step's `recorded` or `undone` hook runs in this transaction, for the host's own writes. A skipped step counts as one
    that took effect: a later undo undoes it.

    Raises DoesNotFit; SecondPersonNeeded for a result that differs from what is expected, where the host lets a second
    person confirm it; WrongState when the run has ended or a worker has claimed the step; RecordingFailed when the hook
    fails, and then nothing is done.
    """
    with act("skip", run_id, actor, reason, row_version) as pending:
        run, step = pending.run, current_step(pending, "skip")
        refuse_open_children(run, "skip")
        saga = registry.find(run.name, run.version)
        pending.after["skipped"] = step.name
        release_claim(run, step)
        fit, differs = validated_result(run, step, result)
        expected.confirmed(differs, "skip")
        if differs:
            pending.after["differs"] = differs
        if step.status in UNDO_STATUSES:
            _undone(run, step, saga)
        else:
            pending.after["result"] = _done(run, step, saga, fit)


def check_skip(run: Run, *, result: Any = None) -> str:
    """How that result for the current step differs from what is expected, for a second person; empty when it does not.

    Raises DoesNotFit unless the step could be skipped with it.
    """
    step = run.steps.filter(position=run.position).first()
    return "" if step is None else validated_result(run, step, result)[1]


def validated_result(run: Run, step: Step, wanted: Any) -> tuple[Any, str]:
    """The result as the step's type, checked by its validator, and how it differs from what is expected, in words.

    None for an undo. Raises DoesNotFit.
    """
    if step.status in UNDO_STATUSES:
        if wanted is not None:
            raise DoesNotFit(f"The undo of {step.name} returns nothing; leave the result out.")
        return None, ""
    saga = registry.find(run.name, run.version)
    declared = saga.named(step.name)
    given_values.check_storable(wanted)
    result = decode_result(declared, wanted)
    if declared.expected_run is None and declared.validator_run is None:
        return result, ""
    ctx = _step_context(run, step, saga, declared)
    differs = expected.check(declared, ctx, result)
    if declared.validator_run is not None:
        with validating(declared.title):
            declared.validator_run(ctx, result)
    return result, differs


def expected_result(run: Run, step: Step) -> expected.Expected | None:
    """What the host expects of the current step's result; None when it has not said, and for an undo.

    Raises SagaError when it cannot be asked.
    """
    saga = registry.find(run.name, run.version)
    declared = saga.named(step.name)
    if declared.expected_run is None or step.status in UNDO_STATUSES:
        return None
    return expected.expected_of(declared, _step_context(run, step, saga, declared))


def decode_result(declared: DeclaredStep[Any, Any], result: Any) -> Any:
    """The result as the step's return type. Raises DoesNotFit."""
    try:
        return codec.decode(declared.result_type, codec.storable(result))
    except ValueError as error:
        kind = getattr(declared.result_type, "__name__", declared.result_type)
        raise DoesNotFit(f"The result does not fit what {declared.name} returns, {kind}: {error}") from error


def _done(run: Run, step: Step, saga: Saga[Any], result: Any) -> Any:
    """Record the step as done; returns the result as it was stored."""
    declared = saga.named(step.name)
    written = codec.decode(Any, codec.storable(result))
    if declared.wait is not None:
        close(run.pk, declared.name)
    _write(step, StepStatus.DONE)
    Step.objects.filter(pk=step.pk).update(result=Value(written, JSONField()))  # None is JSON's null, not SQL's
    if declared.recorded_run is not None:
        with _host_hook(declared):
            declared.recorded_run(_step_context(run, step, saga, declared), result)
    run.position += 1
    last = run.position == len(saga.steps)
    run.code = ""
    if last or run.cancel_requested_at is None:  # otherwise it holds why the run is about to be undone
        run.reason = ""
    if last:
        finish(run, RunStatus.COMPLETED)
    else:
        _continue(run, RunStatus.RUNNING)
    return written


def _undone(run: Run, step: Step, saga: Saga[Any]) -> None:
    declared = saga.named(step.name)
    step.forgiven = step.granted = 0
    _write(step, StepStatus.UNDONE)
    if declared.undone_run is not None:
        with _host_hook(declared):
            declared.undone_run(_undo_context(run, step, saga, declared))
    due = run.steps.filter(position__lt=step.position, status=StepStatus.UNDO_DUE).aggregate(next=Max("position"))
    run.position = -1 if due["next"] is None else due["next"]
    if due["next"] is None:
        finish(run, RunStatus.COMPENSATED)
    else:
        _continue(run, RunStatus.UNDOING)


def _write(step: Step, status: StepStatus) -> None:
    step.status = status
    step.error_class = step.error_code = step.error_text = ""
    save(step)


def _continue(run: Run, status: RunStatus) -> None:
    change(run, status, wake_at=Now() + saga_settings.PATIENCE)
    ring_on_commit(ready(run), run)


@contextmanager
def _host_hook(declared: DeclaredStep[Any, Any]) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the whole act is rolled back, and the operator is told why
        raise RecordingFailed(f"Nothing was done: the hook of {declared.name} failed: {error}") from error


def step_context(run: Run, step: Step) -> StepContext[Any]:
    """What the step's function and hooks are given. Raises DoesNotFit for an input that cannot be read."""
    saga = registry.find(run.name, run.version)
    return _step_context(run, step, saga, saga.named(step.name))


def _step_context(run: Run, step: Step, saga: Saga[Any], declared: DeclaredStep[Any, Any]) -> StepContext[Any]:
    key = step_key(run.id, declared)
    return StepContext(_input(run, saga), run.id, key, max(step.attempts, 1), declared.timeout, results_of(run.id))


def _undo_context(run: Run, step: Step, saga: Saga[Any], declared: DeclaredStep[Any, Any]) -> UndoContext[Any, Any]:
    key = step_key(run.id, declared)
    result = None if step.result is None else decode_result(declared, step.result)
    return UndoContext(
        _input(run, saga),
        run.id,
        f"{key}.undo",
        key,
        result,
        max(step.undo_attempts, 1),
        declared.timeout,
        results_of(run.id),
    )


def _input(run: Run, saga: Saga[Any]) -> Any:
    try:
        return codec.decode(saga.input_type, codec.encode(run.input))
    except ValueError as error:
        raise DoesNotFit(f"The run's input does not fit this code: {error}. Change the input first.") from error
