"""The filters of the run list. Each reads an index, or nothing; none reads the table to find its choices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from outbox.operations.listing import uuid_of

from ..declare import registry
from ..declare.saga import Saga
from ..desk.acts import DoesNotFit
from ..desk.attributes import EXAMPLE, checked_conditions, matching_all
from ..desk.selection import NO_CODE, code_condition, state_condition
from ..desk.selection import STATES as STATES
from ..models import ON_DESK, OPEN, VISIBLE, Run, RunStatus
from ..participants.configured import declared
from ..presentation.labels import RUN_BADGES, readable
from ..sql.canary import NAME as CANARY

TITLES = {"open": "open, stuck first", "in_progress": "in progress", "finished": "finished", "all": "all"}
CLOCK_SKEW = timedelta(hours=1)  # between PostgreSQL's clock and that of a process that starts runs
AGES = {
    "hour": ("in the last hour", timedelta(0), timedelta(hours=1)),
    "day": ("1 to 24 hours ago", timedelta(hours=1), timedelta(days=1)),
    "week": ("1 to 7 days ago", timedelta(days=1), timedelta(days=7)),
    "older": ("more than 7 days ago", timedelta(days=7), None),
}


def state_of(request: HttpRequest) -> str:
    """The chosen state; by default `open`, or `all` during a search and for attributes. Codes are those of open runs:
    with a chosen code it is `stuck`, unless some open state is chosen."""
    chosen = request.GET.get("state", "")
    if request.GET.get("code") and not (chosen in STATES and set(STATES[chosen]) <= set(OPEN)):
        return RunStatus.STUCK.value
    return chosen if chosen in STATES else ("all" if request.GET.get("q") or where_of(request) else "open")


def title_of(state: str) -> str:
    """The state in words."""
    return TITLES.get(state) or RUN_BADGES[RunStatus(state)].text


class StateFilter(admin.SimpleListFilter):
    """Filters by state: open runs by default, so that the list stays short at any size of the table."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.chosen = state_of(request)
        return [(name, title_of(name)) for name in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(state_condition(self.chosen))

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for name, title in self.lookup_choices:
            query = changelist.get_query_string({"state": str(name)})
            yield {"selected": name == self.chosen, "query_string": query, "display": title}


class WaitsFilter(admin.SimpleListFilter):
    """Filters by the participant that the run waits for."""

    title = "participant it waits for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in declared()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(waits_for=self.value()) if self.value() else queryset


class SagaFilter(admin.SimpleListFilter):
    """Filters by the saga; the canary's runs are shown only when it is chosen, and so are branches that need nobody."""

    title = "saga"
    parameter_name = "saga"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get("saga")
        return [
            (one, one) for one in sorted({s.name for s in registry.all_sagas() if not s.is_branch or s.name == chosen})
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if self.value():
            return queryset.filter(name=self.value())
        runs = queryset.exclude(name=CANARY)
        return runs if request.GET.get("waits") or uuid_of(request.GET.get("q", "")) else runs.filter(VISIBLE)


class StepFilter(admin.SimpleListFilter):
    """Filters by the current step. Its position comes from the declarations, so that no join is needed."""

    title = "current step"
    parameter_name = "step"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        titles = {step.title: None for saga in registry.all_sagas() if not _is_aside(saga) for step in saga.steps}
        one_saga = len({title.partition(".")[0] for title in titles}) == 1
        return [(title, readable(title.partition(".")[2]) if one_saga else title) for title in titles]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if not self.value():
            return queryset
        if state_of(request) == RunStatus.STUCK:
            name, _, at = str(self.value()).rpartition(".")
            return queryset.filter(name=name, desk_step=at)
        wanted = Q(pk__in=())
        for saga in registry.all_sagas():
            for step in saga.steps:
                if step.title == self.value():
                    wanted |= Q(name=saga.name, version=saga.version, position=step.position)
        return queryset.filter(wanted)


class CodeFilter(admin.SimpleListFilter):
    """Filters by the code for which a run needs an operator. The choices come from the index of these."""

    title = "code"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Run.objects.filter(ON_DESK).order_by().values_list("desk_code", flat=True).distinct()
        found = {code or NO_CODE for code in codes} | {request.GET.get("code", "")} - {""}
        return [(code, "none" if code == NO_CODE else code) for code in sorted(found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if not self.value():
            return queryset
        return queryset.filter(code_condition(str(self.value()), on_desk=state_of(request) == RunStatus.STUCK))


class AgeFilter(admin.SimpleListFilter):
    title = "accepted"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _, _) in AGES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        after, before = bounds(self.value() or "")
        if before is not None:
            queryset = queryset.filter(created_at__lte=before, pk__lt=least_id(before + CLOCK_SKEW))
        return queryset if after is None else queryset.filter(created_at__gt=after, pk__gt=least_id(after - CLOCK_SKEW))


class HandlingFilter(admin.SimpleListFilter):
    """Filters by who looks after the run, and by whether it is out of sight."""

    title = "looked after"
    parameter_name = "handled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "by me"), ("somebody", "by somebody"), ("nobody", "by nobody"), ("snoozed", "snoozed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if self.value() == "mine":
            return queryset.filter(handling__assignee=request.user.pk)
        if self.value() == "somebody":
            return queryset.filter(handling__assignee__isnull=False)
        if self.value() == "nobody":
            return queryset.filter(handling__assignee=None)
        if self.value() == "snoozed":
            return queryset.filter(handling__snoozed_until__gt=Now())
        return queryset


class WhereFilter(admin.SimpleListFilter):
    """Filters by attributes, as they are typed."""

    title = "attributes"
    parameter_name = "where"
    template = "sagas/where.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.error = ""
        return [("", EXAMPLE)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """What cannot be read finds nothing, and the box says why."""
        text = where_of(request)
        try:
            checked_conditions(text)
        except DoesNotFit as error:
            self.error = str(error)
            return queryset.none()
        return matching_all(queryset, text)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """What the form holds: the text, why it finds nothing, and the other filters of the list."""
        others = [
            (name, value) for name, value in changelist.get_filters_params().items() if name != self.parameter_name
        ]
        if changelist.query:
            others.append(("q", changelist.query))
        named = [(name, one) for name, value in others for one in (value if isinstance(value, list) else [value])]
        yield {"text": self.value() or "", "error": self.error, "others": named, "example": EXAMPLE}


def where_of(request: HttpRequest) -> str:
    """The conditions on attributes that were typed."""
    return request.GET.get("where", "").strip()


def _is_aside(saga: Saga[Any]) -> bool:
    return saga.name == CANARY or saga.is_branch


def bounds(age: str) -> tuple[datetime | None, datetime | None]:
    """After and before which time runs of a key of AGES started; None where there is no bound."""
    if age not in AGES:
        return None, None
    _, least, most = AGES[age]
    now = timezone.now()
    return None if most is None else now - most, now - least


def least_id(moment: datetime) -> UUID:
    """The least id of a run that starts at that moment: ids are UUIDs of version 7, which begin with the time."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
