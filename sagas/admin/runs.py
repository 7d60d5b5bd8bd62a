"""Runs in the admin: the list, the page of a run, and the addresses of the acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, QuerySet, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from outbox.messages.durations import say

from .. import desk
from ..desk import lookup
from ..desk.outcomes import REPEATED
from ..desk.proposals import verb_of
from ..desk.second_person import needs_second_person
from ..desk.selection import URGENCY, search_condition
from ..models import ON_DESK, Run, RunStatus
from ..presentation import run_file
from ..presentation.labels import run_badge, waits_for_participant
from ..presentation.run_state import where_it_is
from . import act_views, bulk_views, charts, filters, front, inbox, proposal_views, run_page, saved_views
from .base import ReadOnlyAdmin, badge_html, said_at
from .urgent_first import UrgentFirst

ASKS_SINCE = Case(When(ON_DESK, then=F("desk_since")))
"""Sorts runs that need an operator by how long they have asked, the longest first."""
AGAIN = "again, after a bulk act"
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
        filters.CodeFilter,
        filters.SagaFilter,
        filters.AgeFilter,
        filters.HandlingFilter,
        filters.WhereFilter,
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
        runs = runs.defer("input").annotate(read_at=Now(), repeated=REPEATED)
        return runs.select_related("handling__assignee").prefetch_related("steps")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list; with `live` in its query the part of it that moves, which the page reads again and puts in."""
        query = request.GET.copy()
        is_live = query.pop("live", None) is not None and request.method == "GET"
        request.GET = query  # type: ignore[assignment] # Django's list takes what it does not know for a filter
        live = f"{query.urlencode()}&live=1"
        title = f"Runs: {filters.title_of(filters.state_of(request))}"
        own = {"title": title, "live": live} | ({} if is_live else {"views": saved_views.above(request)})
        answer = super().changelist_view(request, {**own, **(extra_context or {})})
        if is_live and isinstance(answer, TemplateResponse):
            answer.template_name = "sagas/runs_live.html"
        return answer

    def get_ordering(self, request: HttpRequest) -> Any:
        state = filters.state_of(request)
        if state == RunStatus.STUCK:
            return ["desk_since", "id"]
        if state in ("open", "in_progress"):
            return [URGENCY, ASKS_SINCE, "-id"]
        one_status = len(filters.STATES[state]) == 1
        return ["-created_at", "-id"] if one_status else ["-id"]

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *given: Any, **named: Any) -> Any:
        """Open runs are two lists, one after the other; a search sorts the few that it finds."""
        two = filters.state_of(request) == "open" and SEARCH_VAR not in request.GET
        return (UrgentFirst if two else self.paginator)(queryset, *given, **named)

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
            found = queryset.filter(pk__in=few).order_by(URGENCY, ASKS_SINCE, "-id")
        return found, False

    @admin.display(description="subject")
    def about(self, run: Run) -> SafeString:
        return format_html("{}<small>{}</small>", run.subject or run.key, run.name)

    @admin.display(description="state")
    def state(self, run: Run) -> SafeString:
        again = AGAIN if run.needs_person and run.repeated else ""  # type: ignore[attr-defined]
        return format_html("{}{}<small>{}</small>", badge_html(run_badge(run)), _handled(run), again)

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
        if run.ready_at is not None or run.queued_at is not None:
            return "a free worker" if run.ready_at is not None else "its share's turn"
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
        verbs = [verb for verb in _permitted(request, run) if desk.allowed(run, verb.name)]
        if proposal:  # one proposal at a time
            verbs = [verb for verb in verbs if not needs_second_person(verb.name) and verb != proposal["proposed"]]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": run.subject or run.key,
            "page": run_page.load(run, _page(request)),
            "verbs": verbs,
            **proposal,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "sagas/run_live.html" if "live" in request.GET else "sagas/run.html", context)

    # --- The desk --------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("by-task/<slug:task_id>/", self.admin_site.admin_view(self.by_task), name="sagas_by_task"),
            path("charts/", self.admin_site.admin_view(self.charts_view), name="sagas_run_charts"),
            path("desk/<str:verb>/", self.admin_site.admin_view(self.desk_view), name="sagas_desk"),
            path("proposals/<int:pk>/<str:answer>/", self.admin_site.admin_view(self.answer), name="sagas_proposal"),
            path("<uuid:pk>/file/", self.admin_site.admin_view(self.file_view), name="sagas_run_file"),
            path("desk/<str:verb>/many/", self.admin_site.admin_view(self.bulk_view), name="sagas_bulk"),
        ]
        site = self.admin_site
        return [*own, *saved_views.urls(self), *front.urls(site), *inbox.urls(site), *super().get_urls()]

    def charts_view(self, request: HttpRequest) -> HttpResponse:
        """How it went in the last hour, day or month."""
        return charts.charts_view(self, request)

    def desk_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Confirm an act (GET with ?run=<id>), or do it (POST)."""
        return act_views.act_view(self, request, verb)

    def file_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The run as a file to download. 403 without the permission to view runs, 404 when there is none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(Run, pk=pk)
        disposition = content_disposition_header(as_attachment=True, filename=f"{run.name}-{run.pk}.json")
        headers = {"Content-Disposition": disposition or "attachment"}
        return HttpResponse(run_file.text_of(run), content_type="application/json", headers=headers)

    def bulk_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Start a bulk act (POST), from its preview."""
        return bulk_views.start(request, self, verb)

    def answer(self, request: HttpRequest, pk: int, answer: str) -> HttpResponse:
        """Show a proposal to the second person (GET), or confirm or reject it (POST)."""
        return proposal_views.answer(self, request, pk, answer)

    def by_task(self, request: HttpRequest, task_id: str) -> HttpResponse:
        """Redirect from a task, as Flower names it, to the page of its run; to the list when it is not known."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = lookup.run_of_task(task_id)
        if run is None:
            words = (
                f"No run of task {task_id} among the newest {lookup.NEWEST_ATTEMPTS} attempts; search by its run's id."
            )
            messages.warning(request, words)
            return HttpResponseRedirect(reverse("admin:sagas_run_changelist"))
        return HttpResponseRedirect(reverse("admin:sagas_run_change", args=[run.pk]))

    def get_actions(self, request: HttpRequest) -> Any:
        """The acts for the ticked runs, or for all that the list shows. Each one first leads to a preview."""
        return {
            verb.name: (_bulk_action(verb), verb.name, f"{verb.title} …") for verb in _permitted(request) if verb.many
        }


def _handled(run: Run) -> SafeString:
    """Who looks after the run, and until when it is out of sight."""
    if run.finished_at is not None or not hasattr(run, "handling"):
        return SafeString()
    handling = run.handling
    said = [f"with {handling.assignee.get_username()}"] if handling.assignee is not None else []
    if handling.snoozed_until is not None and handling.snoozed_until > _read_at(run):
        said.append(f"snoozed until {said_at(handling.snoozed_until)}")
    return format_html("<small>{}</small>", ", ".join(said)) if said else SafeString()


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
        "may_answer": verb.permits(request.user, run),
        "own": proposal.actor_id == request.user.pk,
    }


def _permitted(request: HttpRequest, run: Run | None = None) -> list[desk.Verb]:
    return [verb for verb in desk.VERBS.values() if verb.permits(request.user, run)]


def _bulk_action(verb: desk.Verb) -> Callable[[RunAdmin, HttpRequest, QuerySet[Run]], HttpResponse]:
    def ask(model_admin: RunAdmin, request: HttpRequest, _chosen: QuerySet[Run]) -> HttpResponse:
        return bulk_views.confirm_or_preview(model_admin, request, verb)

    return ask


def _page(request: HttpRequest) -> int:
    """Of the runs that a run has started; 1 for what is no number."""
    given = request.GET.get("runs", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 1
