"""Which runs: a filter that the admin, the command line and a bulk act share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, When

from outbox.operations.listing import can_match_inside, uuid_of

from .. import sql
from ..models import ON_DESK, OPEN, Run, RunStatus, Step
from .acts import DoesNotFit

FINISHED = [RunStatus.COMPLETED, RunStatus.COMPENSATED, RunStatus.RESOLVED]
EVERY = list(RunStatus)
STATES: dict[str, list[RunStatus]] = {
    "open": OPEN,
    "in_progress": [RunStatus.RUNNING, RunStatus.UNDOING],
    **{status.value: [status] for status in (RunStatus.STUCK, RunStatus.RUNNING, RunStatus.UNDOING)},
    "finished": FINISHED,
    **{status.value: [status] for status in FINISHED},
    "all": EVERY,
}
STILL_TRIED = "in_progress"
"""The state of runs that need nobody."""
BY_HAND = ("status", "saga", "step", "code", "version", "paused", "waits_for", "text")
"""What a person may write in a filter."""
LONGEST_NUMBER = 9  # digits of a version
SUBJECTS = "saga_run_subject"
"""The index of finished runs by the words of their subject."""
NAMED = """
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
SELECT id FROM saga_run WHERE request_id = %(text)s AND request_id <> '' AND status = ANY(%(open)s)
"""
CURRENT = Step.objects.filter(run=OuterRef("pk"), position=OuterRef("position"))


@dataclass(frozen=True, slots=True)
class Filter:
    """Runs that have all of these; what is left empty does not count."""

    status: str = "open"
    """A key of STATES."""
    saga: str = ""
    step: str = ""
    """The name of the step at which the run stands."""
    code: str = ""
    """The run's code, or the error code of the step at which it stands."""
    version: int | None = None
    paused: bool | None = None
    waits_for: str = ""
    """The participant that must come back first."""
    text: str = ""
    """What people search by, as `searched` reads it."""
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
    """So many matching runs stand at this step for this reason."""

    saga: str
    step: str
    code: str
    count: int


def read(text: str) -> Filter:
    """`status=stuck,saga=checkout,step=capture_payment` as a filter. Raises DoesNotFit, saying what may be written."""
    given: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or name.strip() not in BY_HAND:
            raise DoesNotFit(f"Cannot read {part!r}: write {', '.join(f'{name}=…' for name in BY_HAND)}, by commas.")
        given[name.strip()] = _value(name.strip(), value.strip())
    if not given:
        raise DoesNotFit("Say which runs, such as status=stuck,saga=checkout; an empty filter would be all of them.")
    return Filter(**given)


def in_state(state: str) -> Q:
    """The runs of a key of STATES. A run that is still tried and asks for a person is among the stuck ones too."""
    statuses = STATES[state]
    if statuses == [RunStatus.STUCK]:
        return ON_DESK
    chosen = Q() if statuses is EVERY else Q(status__in=statuses)
    return chosen & Q(asks_since=None) if state == STILL_TRIED else chosen


def matching(chosen: Filter) -> QuerySet[Run]:
    """The runs that match, in no order."""
    runs = Run.objects.filter(in_state(chosen.status))
    if chosen.step:
        runs = runs.filter(Exists(CURRENT.filter(name=chosen.step)))
    if chosen.code:
        runs = runs.filter(Q(code=chosen.code) | Q(Exists(CURRENT.filter(error_code=chosen.code))))
    if chosen.paused is not None:
        runs = runs.filter(paused_at__isnull=not chosen.paused)
    if chosen.text:
        runs = runs.filter(searched(chosen.text))
    if chosen.ids is not None:
        runs = runs.filter(pk__in=chosen.ids)
    return runs.filter(**_exact(chosen))


def groups(chosen: Filter) -> list[Group]:
    """The matching runs counted by saga, step and code, the most first."""
    code = Case(When(code="", then=Subquery(CURRENT.values("error_code")[:1])), default=F("code"))
    counted = (
        matching(chosen)
        .annotate(at=Subquery(CURRENT.values("name")[:1]), why=code)
        .order_by()
        .values("name", "at", "why")
        .annotate(count=Count("pk"))
        .order_by("-count", "name", "at", "why")
    )
    return [Group(row["name"], row["at"] or "", row["why"] or "", row["count"]) for row in counted]


def in_doubt(chosen: Filter) -> int:
    """How many of the matching runs have asked for their point of no return and do not know what became of it."""
    asked = CURRENT.filter(attempts__gt=F("forgiven"))
    return matching(chosen).exclude(status=RunStatus.UNDOING).filter(Exists(asked), position=F("pivot")).count()


def searched(text: str) -> Q:
    """Every word is a part of the subject; or the whole is a key, a request id, an id, or the id in a key.

    Each part reads an index: of subjects the finished runs have one, the open ones are few.
    """
    words = text.split()
    subject = Q(
        *(
            Q(**{f"subject__{'icontains' if can_match_inside(word, SUBJECTS) else 'istartswith'}": word})
            for word in words
        )
    )
    named = Q(pk__in=_named(text))
    if not words or uuid_of(text) is not None:
        return named
    return named | Q(finished_at__isnull=False) & subject | Q(status__in=OPEN) & subject


def _how(word: str) -> str:
    return "icontains" if can_match_inside(word, SUBJECTS) else "istartswith"


def _named(text: str) -> list[UUID]:
    """The runs that have the text as their key or request id; of a UUID also as their id, or within their key."""
    id_ = uuid_of(text)
    found = sql.fetch(NAMED, {"text": text, "id": "" if id_ is None else str(id_), "open": list(OPEN)})
    return [run for (run,) in found] + ([] if id_ is None else [id_])


def _exact(chosen: Filter) -> dict[str, Any]:
    wanted = {
        "name": chosen.saga or None,
        "version": chosen.version,
        "waits_for": chosen.waits_for or None,
        "created_at__gt": chosen.accepted_after,
        "created_at__lte": chosen.accepted_before,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _value(name: str, value: str) -> Any:
    if name == "status" and value not in STATES:
        raise DoesNotFit(f"There is no status {value}; write one of {', '.join(STATES)}.")
    if name == "version":
        if not (value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER):
            raise DoesNotFit(f"A version is a number, not {value!r}.")
        return int(value)
    if name == "paused":
        if value not in ("yes", "no"):
            raise DoesNotFit(f"Write paused=yes or paused=no, not {value!r}.")
        return value == "yes"
    return value
