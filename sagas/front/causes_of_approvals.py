"""Runs that wait for a person's answer: the inbox, and a cause on the first page for each thing that is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.urls import reverse

from ..declare import registry
from ..declare.stake import Stake
from ..declare.step import Step
from ..declare.waits import APPROVAL
from ..desk import answers
from ..desk.acts import Actor
from ..models import Run, RunStatus, Wait
from ..presentation import wait_words
from ..presentation.labels import readable
from .causes import Cause, Viewer, source
from .stakes import money, total

SHOWN = 200
"""So many of the oldest are listed."""
MAY_SEE = "sagas.view_run"


@dataclass(frozen=True, slots=True)
class Question:
    """What one run asks."""

    run: Run
    what: str
    words: str
    since: datetime
    due_at: datetime | None
    stake: str
    """In words; empty when it is not known."""
    mine: bool
    """Whether the user who looks may answer it."""
    who: str
    """Who may answer."""
    can_send_back: bool


def open_questions() -> Any:
    """The waits of runs that ask a person, the oldest first. A run that an operator is asked about counts as that."""
    waits = Wait.objects.filter(kind=Wait.Kind.APPROVAL, over_at=None)
    return waits.filter(run__status=RunStatus.RUNNING, run__asks_since=None).order_by("since", "id")


def inbox(user: Any) -> list[Question]:
    """What the user may answer, and, if they may see runs, what others must: the oldest first."""
    found = open_questions().filter(_seen_by(user)).select_related("run")[:SHOWN]
    return [_question(wait, user) for wait in found]


@source("")
def causes_of_approvals(user: Viewer) -> Iterator[Cause]:
    """One cause for each thing that is asked, of what the user may answer or see."""
    groups = open_questions().filter(_seen_by(user)).order_by().values("run__name", "step", "run__stake_currency")
    rows = groups.annotate(count=Count("id"), known=Count("run__stake"), sum=Sum("run__stake"), at=Min("since"))
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["run__name"], row["step"]), []).append(row)
    for (saga, step), some in found.items():
        count, known = sum(row["count"] for row in some), sum(row["known"] for row in some)
        yield Cause(
            about=saga,
            where=readable(step),
            why="a person must answer",
            count=count,
            since=min(row["at"] for row in some),
            url=reverse("admin:sagas_inbox"),
            stakes=total(Stake(row["sum"], row["run__stake_currency"]) for row in some if row["sum"] is not None),
            unknown=count - known,
            advice=_advice(user, saga, step),
        )


def _question(wait: Wait, user: Actor) -> Question:
    run, declared = wait.run, _declared(wait.run.name, wait.step, wait.run.version)
    known = run.stake is not None and run.stake_currency is not None
    return Question(
        run=run,
        what=readable(wait.step),
        words=wait.words,
        since=wait.since,
        due_at=wait.due_at,
        stake=money(Stake(run.stake, run.stake_currency)) if known else "",  # type: ignore[arg-type]
        mine=declared is not None and answers.may_answer(run, user),
        who=wait_words.who(declared.wait) if declared is not None and declared.wait is not None else "",
        can_send_back=bool(declared is not None and declared.wait is not None and declared.wait.back_to),
    )


def _seen_by(user: Any) -> Q:
    """The condition for waits that the user may answer, or see."""
    if user.has_perm(MAY_SEE):
        return Q()
    theirs = Q(pk__in=())
    for step in _approvals():
        if answers.is_among(step, user):
            theirs |= Q(run__name=step.saga.name, run__version=step.saga.version, step=step.name)
    return theirs


def _advice(user: Any, saga: str, step: str) -> str:
    """Who must answer, for a user who may not."""
    declared = next((one for one in _approvals() if one.saga.name == saga and one.name == step), None)
    if declared is None or declared.wait is None:
        return "This code does not declare what is asked: finish the deploy."
    mine = answers.is_among(declared, user)
    return "Answer in the inbox." if mine else f"Only somebody with {wait_words.who(declared.wait)} may answer."


def _declared(saga: str, step: str, version: int) -> Step[Any, Any] | None:
    return next(
        (one for one in _approvals() if (one.saga.name, one.saga.version, one.name) == (saga, version, step)), None
    )


def _approvals() -> list[Step[Any, Any]]:
    """The approvals of all declared sagas, the newest versions first."""
    sagas = reversed(registry.all_sagas())
    return [step for saga in sagas for step in saga.steps if step.wait is not None and step.wait.kind == APPROVAL]
