"""The filter for runs that the admin, the command line and bulk acts share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from outbox.operations.listing import can_match_inside, uuid_of

from .. import sql
from ..models import ON_DESK, OPEN, VISIBLE, Run, RunStatus, Step
from ..sql.canary import NAME as CANARY
from .acts import DoesNotFit
from .attributes import EXAMPLE, checked_conditions, ids_with_value, matching_all
from .outcomes import REPEATED

FINISHED = [RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.RESOLVED]
MOVING = [RunStatus.RUNNING, RunStatus.UNDOING]
EVERY_STATUS = list(RunStatus)
STATES: dict[str, list[RunStatus]] = {
    "open": OPEN,
    "in_progress": MOVING,
    **{status.value: [status] for status in (RunStatus.STUCK, RunStatus.RUNNING, RunStatus.UNDOING)},
    "finished": FINISHED,
    **{status.value: [status] for status in FINISHED},
    "all": EVERY_STATUS,
}
IN_PROGRESS = "in_progress"
"""The state of runs that are running or undoing and need no operator."""
FILTER_FIELDS = ("status", "saga", "step", "code", "version", "paused", "waits_for", "text")
"""The fields that a person may write in a filter."""
NO_CODE = "-"
"""Stands for no code, where a code is asked for."""
VERSION_DIGITS = 9  # digits of a version
SUBJECT_INDEX = "saga_run_subject"
"""The trigram index of finished runs by subject."""
RUNS_NAMED = """
WITH RECURSIVE first AS (  -- the first key of each saga: names are few
    (SELECT name, key FROM saga_run ORDER BY name, key LIMIT 1)
    UNION ALL
    SELECT next.* FROM first CROSS JOIN LATERAL (
        SELECT r.name, r.key FROM saga_run r WHERE r.name > first.name ORDER BY r.name, r.key LIMIT 1) AS next
)
SELECT r.id FROM first JOIN saga_run r ON r.name = first.name AND r.key = %(text)s
UNION
-- keys of a saga are alike, such as order:<id>
SELECT r.id FROM first JOIN saga_run r ON r.name = first.name AND r.key = regexp_replace(first.key, '[^:]*$', %(id)s)
WHERE %(id)s <> ''
UNION
SELECT id FROM saga_run WHERE request_id = %(text)s AND request_id <> '' AND finished_at IS NOT NULL
UNION
SELECT id FROM saga_run
WHERE request_id = %(text)s AND request_id <> '' AND (status = 'stuck' OR asks_since IS NOT NULL)
UNION
SELECT id FROM saga_run WHERE request_id = %(text)s AND request_id <> '' AND status = ANY(%(moving)s)
"""
URGENCY = Case(
    When(ON_DESK, then=Value(0)),
    When(status__in=MOVING, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
"""Sorts runs that need an operator before those that are in progress, and these before the ones that have ended."""
CURRENT_STEP = Step.objects.filter(run=OuterRef("pk"), position=OuterRef("position"))


@dataclass(frozen=True, slots=True)
class Filter:
    """Selects runs that match all fields; an empty field matches every run."""

    status: str = "open"
    """A key of STATES."""
    saga: str = ""
    step: str = ""
    """The name of the current step."""
    code: str = ""
    """Of a run that needs an operator, the code for which it does, NO_CODE for none; of any other, its own code, or the
    error code of its current step."""
    version: int | None = None
    paused: bool | None = None
    waits_for: str = ""
    """The participant that the run waits for."""
    text: str = ""
    """The search text, see `search_condition`."""
    where: str = ""
    """Conditions on attributes, as `checked_conditions` reads them."""
    accepted_after: datetime | None = None
    accepted_before: datetime | None = None
    ids: tuple[UUID, ...] | None = None

    def __str__(self) -> str:
        unsaid = {"ids"} if self.ids is None or self.status != "all" else {"ids", "status"}
        shown = [(field.name, getattr(self, field.name)) for field in fields(self) if field.name not in unsaid]
        words = [f"{name}={value}" for name, value in shown if value not in ("", None)]
        return ", ".join([*words, *([f"{len(self.ids)} chosen runs"] if self.ids is not None else [])])


@dataclass(frozen=True, slots=True)
class Group:
    """How many matching runs are at this step for this reason."""

    saga: str
    step: str
    code: str
    count: int
    again: int = 0
    """How many of them have been in an earlier bulk act for the same cause."""


def parse_filter(text: str) -> Filter:
    """The filter of a text such as `status=stuck,saga=checkout,amount>=100`: what is no field of it is an attribute.

    Raises DoesNotFit with what is allowed."""
    given: dict[str, Any] = {}
    where: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if equals and name.strip() in FILTER_FIELDS:
            given[name.strip()] = _parse_value(name.strip(), value.strip())
        else:
            where.append(_parse_attributes(part))
    if where:
        given["where"] = " ".join(where)
    if not given:
        raise DoesNotFit("Say which runs, such as status=stuck,saga=checkout; an empty filter would be all of them.")
    return Filter(**given)


def _parse_attributes(part: str) -> str:
    try:
        return " ".join(map(str, checked_conditions(part)))
    except DoesNotFit as error:
        fields_ = ", ".join(f"{name}=…" for name in FILTER_FIELDS)
        raise DoesNotFit(
            f"Cannot read {part!r}: write {fields_}, separated by commas, or attributes, such as {EXAMPLE}. {error}"
        ) from error


def state_condition(state: str) -> Q:
    """The condition for a key of STATES. A run that is retried and needs an operator counts as stuck, too."""
    statuses = STATES[state]
    if statuses == [RunStatus.STUCK]:
        return ON_DESK
    chosen = Q() if statuses is EVERY_STATUS else Q(status__in=statuses)
    return chosen & Q(asks_since=None) if state == IN_PROGRESS else chosen


def code_condition(code: str, *, on_desk: bool) -> Q:
    """The condition for a code; `on_desk` says that only runs that need an operator are asked for."""
    on = Q(desk_code="" if code == NO_CODE else code)
    if on_desk:
        return on
    return ON_DESK & on | ~ON_DESK & (Q(code=code) | Q(Exists(CURRENT_STEP.filter(error_code=code))))


def step_condition(step: str, *, on_desk: bool) -> Q:
    """The condition for the name of the current step; `on_desk` says that only runs that need an operator are asked
    for."""
    return Q(desk_step=step) if on_desk else Q(Exists(CURRENT_STEP.filter(name=step)))


def matching(chosen: Filter) -> QuerySet[Run]:
    """The matching runs, in no order."""
    runs = _in_sight(Run.objects.filter(state_condition(chosen.status)), chosen)
    if chosen.step:
        runs = runs.filter(step_condition(chosen.step, on_desk=STATES[chosen.status] == [RunStatus.STUCK]))
    if chosen.code:
        runs = runs.filter(code_condition(chosen.code, on_desk=STATES[chosen.status] == [RunStatus.STUCK]))
    if chosen.paused is not None:
        runs = runs.filter(paused_at__isnull=not chosen.paused)
    if chosen.text:
        runs = runs.filter(search_condition(chosen.text))
    if chosen.where:
        runs = matching_all(runs, chosen.where)
    if chosen.ids is not None:
        runs = runs.filter(pk__in=chosen.ids)
    return runs.filter(**_exact_conditions(chosen))


def _in_sight(runs: QuerySet[Run], chosen: Filter) -> QuerySet[Run]:
    """Without the canary's runs and branches, unless the filter asks for what they may be."""
    if not (
        chosen.saga
        or chosen.text
        or chosen.where
        or chosen.ids is not None
        or STATES[chosen.status] == [RunStatus.STUCK]
    ):
        runs = runs.exclude(name=CANARY)
    if not (chosen.saga or chosen.waits_for or chosen.ids is not None or uuid_of(chosen.text) is not None):
        runs = runs.filter(VISIBLE)
    return runs


def count_groups(chosen: Filter) -> list[Group]:
    """The matching runs counted by saga, step and code, the largest group first."""
    code = Case(
        When(ON_DESK, then=F("desk_code")),
        When(code="", then=Subquery(CURRENT_STEP.values("error_code")[:1])),
        default=F("code"),
    )
    step = Case(When(ON_DESK, then=F("desk_step")), default=Subquery(CURRENT_STEP.values("name")[:1]))
    counted = (
        matching(chosen)
        .annotate(at=step, why=code, repeated=REPEATED)
        .order_by()
        .values("name", "at", "why")
        .annotate(count=Count("pk"), again=Count("pk", filter=ON_DESK & Q(repeated=True)))
        .order_by("-count", "name", "at", "why")
    )
    return [Group(row["name"], row["at"] or "", row["why"] or "", row["count"], row["again"]) for row in counted]


def count_pivots_in_doubt(chosen: Filter) -> int:
    """How many of the matching runs have called their pivot and do not know whether it took effect."""
    asked = CURRENT_STEP.filter(attempts__gt=F("forgiven"))
    return matching(chosen).exclude(status=RunStatus.UNDOING).filter(Exists(asked), position=F("pivot")).count()


def search_condition(text: str) -> Q:
    """The condition for a search: each word is in the subject, or the text is a key, a request id, an id or in a key,
    or the value of an attribute.

    Each part reads an index. Subjects are indexed for runs that have ended and for those that need an operator: those
    in progress are few, and change often. In open runs a word is found anywhere, also where an index knows beginnings
    alone.
    """
    words = text.split()
    named = Q(pk__in=_ids_named(text))
    if not words or uuid_of(text) is not None:
        return named
    finished = Q(*(Q(**{f"subject__{_lookup_for(word)}": word}) for word in words), finished_at__isnull=False)
    anywhere = Q(*(Q(subject__icontains=word) for word in words))
    return named | finished | anywhere & ON_DESK | anywhere & Q(status__in=MOVING)


def _lookup_for(word: str) -> str:
    return "icontains" if can_match_inside(word, SUBJECT_INDEX) else "istartswith"


def _ids_named(text: str) -> list[UUID]:
    """The runs whose key, request id or attribute is the text; for a UUID those with this id, or in their key, too."""
    id_ = uuid_of(text)
    found = sql.fetch(RUNS_NAMED, {"text": text, "id": "" if id_ is None else str(id_), "moving": MOVING})
    return [run for (run,) in found] + ids_with_value(text) + ([] if id_ is None else [id_])


def _exact_conditions(chosen: Filter) -> dict[str, Any]:
    wanted = {
        "name": chosen.saga or None,
        "version": chosen.version,
        "waits_for": chosen.waits_for or None,
        "created_at__gt": chosen.accepted_after,
        "created_at__lte": chosen.accepted_before,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _parse_value(name: str, value: str) -> Any:
    if name == "status" and value not in STATES:
        raise DoesNotFit(f"There is no status {value}; write one of {', '.join(STATES)}.")
    if name == "version":
        if not (value.isascii() and value.isdigit() and len(value) <= VERSION_DIGITS):
            raise DoesNotFit(f"A version is a number, not {value!r}.")
        return int(value)
    if name == "paused":
        if value not in ("yes", "no"):
            raise DoesNotFit(f"Write paused=yes or paused=no, not {value!r}.")
        return value == "yes"
    return value
