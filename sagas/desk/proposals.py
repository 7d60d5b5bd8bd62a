"""Acts of two people: one proposes, another confirms or rejects. A proposal is itself recorded as an act.

It is valid for the run as the proposer saw it: after the run has changed, nobody can confirm it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction

from ..engine.transitions import locked
from ..errors import SagaError, WrongState
from ..models import Act, Run
from .acts import Actor, DoesNotFit, Person, ReasonMissing, changed_since, record, snapshot
from .second_person import confirming, needs_second_person
from .verbs import VERBS, Verb, allowed

PROPOSE = "propose_"
NEEDS_ONE = "{} needs no second person here: just do it."


class SamePerson(SagaError):
    """The proposer cannot also be the second person."""

    def __init__(self) -> None:
        super().__init__("You proposed it yourself: somebody else must confirm it.")


def propose(verb: str, run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None, **given: Any) -> Act:
    """Record what somebody wants to do; nothing else happens until another person confirms it. Returns the record.

    `given` is what the verb takes beside its reason; the record says how it differs from what is expected. Raises
    WrongState when the run does not allow the verb or has an open proposal; DoesNotFit when one person may do this, the
    actor has no account, or `given` does not fit the run; ReasonMissing.
    """
    check = VERBS[verb].check if verb in VERBS else None
    if check is None and not (verb in VERBS and needs_second_person(verb)):
        raise DoesNotFit(NEEDS_ONE.format(verb))
    _require_account_and_reason(actor, reason)
    with transaction.atomic():
        run = locked(run_id)
        if row_version is not None and run.row_version != row_version:
            raise changed_since(verb)
        if (who := VERBS[verb].who) is not None:
            who(run, actor)
        if not allowed(run, verb):
            raise WrongState(f"propose to {verb}", run.get_status_display())
        if (waiting := open_proposal(run)) is not None:
            raise WrongState(f"propose to {verb}", f"waiting for a second person, by {waiting.actor_name}'s proposal")
        differs = "" if check is None else check(run, **given)
        if not (differs or needs_second_person(verb)):
            raise DoesNotFit(NEEDS_ONE.format(verb))
        before = snapshot(run) | {"row_version": run.row_version}
        return record(
            run, PROPOSE + verb, actor, reason, before, {"given": given, **({"differs": differs} if differs else {})}
        )


def confirm(proposal_id: int, *, actor: Actor, reason: str) -> None:
    """Do what was proposed, as the second person. Raises SamePerson, WrongState, and the errors of the act itself."""
    _require_account_and_reason(actor, reason)
    with transaction.atomic():
        proposal = _lock_open_proposal(proposal_id, "confirm")
        if not isinstance(actor, Person) and proposal.actor_id == actor.pk:
            raise SamePerson
        with confirming(proposal):
            verb_of(proposal).do(
                proposal.run_id,
                actor=actor,
                reason=reason,
                row_version=proposal.before["row_version"],
                **proposal.after["given"],
            )


def reject(proposal_id: int, *, actor: Actor, reason: str) -> None:
    """Reject a proposal; the proposer may do so, too. Raises WrongState when it is answered or the run has changed."""
    _require_account_and_reason(actor, reason)
    with transaction.atomic():
        proposal = _lock_open_proposal(proposal_id, "reject")
        run = proposal.run
        record(run, "reject", actor, reason, {"proposal": proposal.pk, "proposed_by": proposal.actor_name}, {})


def open_proposal(run: Run) -> Act | None:
    """The unanswered proposal for the run; None when there is none, or the run has changed since."""
    proposal = run.acts.filter(verb__startswith=PROPOSE).order_by("-id").first()
    if proposal is None or proposal.before["row_version"] != run.row_version:
        return None
    return None if run.acts.filter(before__proposal=proposal.pk).exists() else proposal


def verb_of(proposal: Act) -> Verb:
    """The verb that the proposal is about."""
    return VERBS[proposal.verb.removeprefix(PROPOSE)]


def _lock_open_proposal(proposal_id: int, says: str) -> Act:
    """The open proposal of that number, with its run locked. Raises DoesNotFit, and WrongState when it is not open."""
    proposal = Act.objects.filter(pk=proposal_id, verb__startswith=PROPOSE).first()
    if proposal is None:
        raise DoesNotFit(f"There is no proposal {proposal_id}.")
    proposal.run = locked(proposal.run_id)
    if proposal.run.acts.filter(before__proposal=proposal.pk).exists():
        raise WrongState(says, "no longer waiting for it", "The proposal was confirmed or rejected already.")
    if proposal.run.row_version != proposal.before["row_version"]:
        raise WrongState(says, "no longer as the proposer saw it", "Look at it again and propose anew.")
    return proposal


def _require_account_and_reason(actor: Actor, reason: str) -> None:
    if isinstance(actor, Person):
        raise DoesNotFit("Two people are told apart by their accounts: name yours with --as.")
    if not reason.strip():
        raise ReasonMissing
