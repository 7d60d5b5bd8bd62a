"""A person's answer to a run that waits for one: yes with the form, no, or send back. Each is an act."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from outbox.ids import uuid7
from outbox.messages import codec

from ..declare import registry
from ..declare.step import Step as DeclaredStep
from ..declare.waits import APPROVAL, Wait
from ..engine import kept_waits
from ..engine.commands import bring_forward
from ..engine.run_ready import ring_on_commit
from ..engine.transitions import change, ready
from ..errors import RecordingFailed, SagaError, TooLate, WrongState
from ..models import Run, RunStatus, Signal, Step, StepStatus
from ..settings import saga_settings
from ..waits.answers import Answer
from ..waits.sending import refuse_late, store
from .acts import Actor, DoesNotFit, PendingAct, Person, act, current_step, save_field
from .given import expected
from .skips import step_context, validated_result
from .waits import waits_now


class MayNotAnswer(SagaError):
    """Somebody else must answer. The message says who."""


def approve(run_id: UUID, *, actor: Actor, reason: str, form: Any = None, row_version: int | None = None) -> None:
    """Say yes: the form, plain JSON, is the result of the step that waits, and the run goes on.

    Raises MayNotAnswer; DoesNotFit for a form of another type; WrongState when the run waits for no answer, or a worker
    has its step; TooLate when its time is over or somebody has answered.
    """
    with act("approve", run_id, actor, reason, row_version) as pending:
        step, declared = _asked(pending, actor)
        fit, differs = validated_result(pending.run, step, form)
        expected.confirmed(differs, "approve")
        written = codec.storable(fit)
        pending.after |= {"answer": "yes", "form": codec.decode(Any, written)} | (
            {"differs": differs} if differs else {}
        )
        _keep(pending, step, declared, Answer(True, _name(actor), reason, codec.decode(Any, written)))


def decline(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Say no, for the reason: the run is undone. Raises as `approve` does."""
    with act("decline", run_id, actor, reason, row_version) as pending:
        step, declared = _asked(pending, actor)
        pending.after["answer"] = "no"
        _keep(pending, step, declared, Answer(False, _name(actor), reason))


def send_back(run_id: UUID, *, actor: Actor, reason: str, to: str, row_version: int | None = None) -> None:
    """Have the steps from `to` on run again, for the reason: their results are replaced, and the answer is asked anew.

    Raises DoesNotFit for a step that the declaration does not name; RecordingFailed when the host's hook fails; else as
    `approve` does.
    """
    with act("send_back", run_id, actor, reason, row_version) as pending:
        run = pending.run
        step, declared = _asked(pending, actor)
        target = next((one for one in _wait_of(declared).back_to if one.name == to), None)
        if target is None:
            raise DoesNotFit(f"{declared.name} is not sent back to {to!r}: {_targets(declared)}.")
        pending.after |= {"answer": "send back", "sent_back_to": target.name}
        again = run.steps.filter(position__gte=target.position, position__lte=step.position)
        again.update(
            status=StepStatus.PENDING,
            result=None,
            forgiven=F("attempts"),  # what was tried counts for nothing
            granted=0,
            own_failures=0,
            next_attempt_at=None,
            token=None,
            lease_until=None,
            woken=False,
            error_class="",
            error_code="",
            error_text="",
        )
        kept_waits.close(run.pk)
        if declared.sent_back_run is not None:
            try:
                declared.sent_back_run(step_context(run, step), reason)
            except Exception as error:  # the whole act is rolled back, and the person is told why
                raise RecordingFailed(f"Nothing was done: the hook of {declared.name} failed: {error}") from error
        run.position, run.reason = target.position, f"{_name(actor)} sends it back to {target.name}: {reason.strip()}"
        change(run, RunStatus.RUNNING, wake_at=Now() + saga_settings.PATIENCE)
        ring_on_commit(ready(run), run)


def asked_of(run: Run) -> DeclaredStep[Any, Any] | None:
    """The approval that the run waits for; None when it waits for none."""
    wait = waits_now(run)
    if wait is None or wait.kind != APPROVAL or run.status != RunStatus.RUNNING:
        return None
    return registry.find(run.name, run.version).named(wait.step)


def refuse_stranger(run: Run, actor: Actor) -> None:
    """Raise MayNotAnswer, with who may, for an actor who may not answer what the run asks; WrongState if nothing."""
    declared = asked_of(run)
    if declared is None:
        raise WrongState("answer", "not waiting for a person's answer")
    why = _why_not(_wait_of(declared), actor)
    if why:
        raise MayNotAnswer(why)


def is_among(declared: DeclaredStep[Any, Any], actor: Actor) -> bool:
    """Whether the actor is among those who may answer the approval."""
    return not _why_not(_wait_of(declared), actor)


def may_answer(run: Run, actor: Actor) -> bool:
    """Whether the actor may answer what the run asks."""
    try:
        refuse_stranger(run, actor)
    except (MayNotAnswer, WrongState):
        return False
    return True


def check_form(run: Run, *, form: Any = None) -> str:
    """How the form differs from what is expected, for a second person. Raises DoesNotFit unless it fits."""
    step = run.steps.filter(position=run.position).first()
    return "" if step is None else validated_result(run, step, form)[1]


def _asked(pending: PendingAct, actor: Actor) -> tuple[Step, DeclaredStep[Any, Any]]:
    """The step that waits for the answer. The run is locked: of several answers the first counts."""
    refuse_stranger(pending.run, actor)
    step, declared = current_step(pending, "answer"), asked_of(pending.run)
    assert declared is not None, "or it would have been refused"  # noqa: S101
    if Signal.objects.filter(run=pending.run, name=declared.name, used_at=None).exists():
        raise TooLate(f"{declared.title} has been answered already.")
    refuse_late(pending.run, declared, step)
    return step, declared


def _keep(pending: PendingAct, step: Step, declared: DeclaredStep[Any, Any], answer: Answer) -> None:
    """Keep the answer for its step, as a signal, and wake the run."""
    store(pending.run, declared.name, str(uuid7()), codec.storable(answer))
    save_field(pending.run, "wake_at")
    bring_forward(pending.run, step)


def _wait_of(declared: DeclaredStep[Any, Any]) -> Wait:
    assert declared.wait is not None, "an approval waits"  # noqa: S101
    return declared.wait


def _targets(declared: DeclaredStep[Any, Any]) -> str:
    names = ", ".join(step.name for step in _wait_of(declared).back_to)
    return f"it can be to {names}" if names else "its declaration names no step for that"


def _why_not(wait: Wait, actor: Actor) -> str:
    """Why the actor may not answer; empty if they may."""
    if isinstance(actor, Person):
        return "Who answers is known by their account: name yours with --as."
    if wait.permission and not actor.has_perm(wait.permission):  # type: ignore[attr-defined]
        return f"{actor.get_username()} may not answer this: the permission {wait.permission} is missing."
    if wait.group and not _is_in(actor, wait.group):
        return f"{actor.get_username()} may not answer this: only the group {wait.group} may."
    return ""


def _is_in(actor: Any, group: str) -> bool:
    return bool(actor.is_superuser or actor.groups.filter(name=group).exists())


def _name(actor: Actor) -> str:
    return actor.name if isinstance(actor, Person) else actor.get_username()
