"""Runs in the admin: the list, the page of a run, and the addresses of the acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from outbox.messages.durations import say

from .. import desk
from ..desk.proposals import verb_of
from ..desk.second_person import needs_second_person
from ..desk.selection import search_condition
from ..models import ON_DESK, Run, RunStatus
from ..presentation.labels import run_badge, waits_for_participant
from ..presentation.run_state import where_it_is
from . import act_views, bulk_views, charts, filters, proposal_views, run_page
from .base import ReadOnlyAdmin, badge_html

URGENCY = Case(
    When(ON_DESK, then=Value(0)),
    When(status__in=[RunStatus.RUNNING, RunStatus.UNDOING], then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
REASON_LENGTH = 140  # characters that the list shows of a reason
SORTED_RUNS = 1_000  # the most found runs that are sorted by urgency


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """The list and the pages of runs. The list shows open runs by default; they are few and sorted by urgency. Finished
    runs may be millions and are read along the primary key, a UUIDv7, which grows with time."""

    list_display = ("about", "state", "stands", "age", "next_look")
    list_display_links = ("about",)
    list_filter = (
        filters.StateFilter,
        filters.WaitsFilter,
        filters.StepFilter,
        filters.SagaFilter,
        filters.AgeFilter,
    )
    change_list_template = "sagas/runs.html"
    search_fields = ("subject", "key", "request_id", "id")
    search_help_text = (
        "A part of the subject, such as an order number or e-mail; or in full: a key, a request id, an id."
    )
    sortable_by = ()

    class Media:
        css = {"all": ["sagas/desk.css"]}

    # --- The list --------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs.defer("input").annotate(read_at=Now()).prefetch_related("steps")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = f"Runs: {filters.title_of(filters.state_of(request))}"
        return super().changelist_view(request, {**(extra_context or {}), "title": title})

    def get_ordering(self, request: HttpRequest) -> Any:
        state = filters.state_of(request)
        if state in ("open", "in_progress"):
            return [URGENCY, "-id"]
        one_status = len(filters.STATES[state]) == 1
        return ["-created_at", "-id"] if one_status else ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The runs that `search_condition` finds, the most urgent first, unless too many are found to sort them."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = queryset.filter(search_condition(term))
        few = list(found.order_by().values_list("pk", flat=True)[: SORTED_RUNS + 1])
        if len(few) <= SORTED_RUNS:  # one search, instead of three: for the ids, the count and the page
            found = queryset.filter(pk__in=few).order_by(URGENCY, "-id")
        return found, False

    @admin.display(description="subject")
    def about(self, run: Run) -> SafeString:
        return format_html("{}<small>{}</small>", run.subject or run.key, run.name)

    @admin.display(description="state")
    def state(self, run: Run) -> SafeString:
        return badge_html(run_badge(run))

    @admin.display(description="current step, and why")
    def stands(self, run: Run) -> SafeString:
        reason = "no attempt is spent" if waits_for_participant(run) else Truncator(run.reason).chars(REASON_LENGTH)
        return format_html('{}<small title="{}">{}</small>', where_it_is(run), run.reason, reason)

    @admin.display(description="age")
    def age(self, run: Run) -> str:
        if run.finished_at is not None:
            return f"took {say(run.finished_at - run.created_at)}"
        return say(_read_at(run) - run.created_at)

    @admin.display(description="next look")
    def next_look(self, run: Run) -> str:
        if run.status == RunStatus.STUCK:
            return "yours"
        if run.needs_person and run.wake_at is not None and run.paused_at is None:
            return "yours, and by itself"
        if run.paused_at is not None and run.finished_at is None:
            return "when it is resumed"
        if waits_for_participant(run):
            return "when it answers"
        if run.ready_at is not None:
            return "a free worker"
        if run.wake_at is None:
            return "—"
        left = run.wake_at - _read_at(run)
        return f"in {say(left)}" if left.total_seconds() > 0 else f"overdue by {say(left)}"

    # --- The page of a run -----------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a run. It changes nothing."""
        run = self.get_object(request, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        proposal = _proposal(request, run)
        verbs = [verb for verb in _permitted(request) if desk.allowed(run, verb.name)]
        if proposal:  # one proposal at a time
            verbs = [verb for verb in verbs if not needs_second_person(verb.name)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": run.subject or run.key,
            "page": run_page.load(run),
            "verbs": verbs,
            **proposal,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "sagas/run.html", context)

    # --- The desk --------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("charts/", self.admin_site.admin_view(self.charts_view), name="sagas_run_charts"),
            path("desk/<str:verb>/", self.admin_site.admin_view(self.desk_view), name="sagas_desk"),
            path("proposals/<int:pk>/<str:answer>/", self.admin_site.admin_view(self.answer), name="sagas_proposal"),
            path("desk/<str:verb>/many/", self.admin_site.admin_view(self.bulk_view), name="sagas_bulk"),
        ]
        return [*own, *super().get_urls()]

    def charts_view(self, request: HttpRequest) -> HttpResponse:
        """How it went in the last hour, day or month."""
        return charts.charts_view(self, request)

    def desk_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Confirm an act (GET with ?run=<id>), or do it (POST)."""
        return act_views.act_view(self, request, verb)

    def bulk_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Start a bulk act (POST), from its preview."""
        return bulk_views.start(request, self, verb)

    def answer(self, request: HttpRequest, pk: int, answer: str) -> HttpResponse:
        """Show a proposal to the second person (GET), or confirm or reject it (POST)."""
        return proposal_views.answer(self, request, pk, answer)

    def get_actions(self, request: HttpRequest) -> Any:
        """The acts for the ticked runs, or for all that the list shows. Each one first leads to a preview."""
        return {
            verb.name: (_bulk_action(verb), verb.name, f"{verb.title} …") for verb in _permitted(request) if verb.many
        }


def _read_at(run: Run) -> datetime:
    """PostgreSQL's time when the list was read; ages and due times are measured by it."""
    return run.read_at  # type: ignore[attr-defined,no-any-return]


def _proposal(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The template's values for an open proposal; empty when there is none."""
    proposal = desk.open_proposal(run)
    if proposal is None:
        return {}
    verb = verb_of(proposal)
    return {
        "proposal": proposal,
        "proposed": verb,
        "may_answer": request.user.has_perm(verb.permission),
        "own": proposal.actor_id == request.user.pk,
    }


def _permitted(request: HttpRequest) -> list[desk.Verb]:
    return [verb for verb in desk.VERBS.values() if request.user.has_perm(verb.permission)]


def _bulk_action(verb: desk.Verb) -> Callable[[RunAdmin, HttpRequest, QuerySet[Run]], HttpResponse]:
    def ask(model_admin: RunAdmin, request: HttpRequest, _chosen: QuerySet[Run]) -> HttpResponse:
        return bulk_views.confirm_or_preview(model_admin, request, verb)

    return ask
