"""The operators' window: what is stuck, everything that happened to a run, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from . import desk, deskpage, filters, participantadmin, runpage  # noqa: F401 - participants are registered there
from .durations import say
from .models import Act, Run, RunStatus
from .readonly import ReadOnlyAdmin
from .wording import run_face

URGENCY = Case(
    When(status=RunStatus.STUCK, then=Value(0)),
    When(status__in=[RunStatus.RUNNING, RunStatus.UNDOING], then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
REASON_SHOWN = 140  # characters


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    """Runs. Only open ones are listed unless another state is chosen: those few are sorted by urgency, and the finished
    ones, of which there may be millions, are read along the primary key, whose UUIDv7 grows with time."""

    list_display = ("about", "state", "stands", "age", "next_look")
    list_display_links = ("about",)
    list_filter = (filters.StateFilter, filters.StepFilter, filters.SagaFilter, filters.AgeFilter)
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
        if state in ("open", "in_progress") or (state == "all" and request.GET.get("q")):
            return [URGENCY, "-id"]
        one_status = len(filters.STATES[state]) == 1
        return ["-created_at", "-id"] if one_status else ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Every word must be a part of the subject; or the whole term is a key, a request id, or an id."""
        term = search_term.strip()
        if not term:
            return queryset, False
        words = Q()
        for word in term.split():
            words &= Q(subject__icontains=word)
        exact = Q(key=term) | Q(request_id=term)
        with suppress(ValueError):  # not an id
            exact |= Q(pk=UUID(term)) | Q(key__endswith=f":{UUID(term)}")
        return queryset.filter(words | exact), False

    @admin.display(description="subject")
    def about(self, run: Run) -> SafeString:
        return format_html("{}<small>{}</small>", run.subject or run.key, run.name)

    @admin.display(description="state")
    def state(self, run: Run) -> SafeString:
        face = run_face(run)
        badge = '<span class="badge {}"><span class="icon" aria-hidden="true">{}</span>{}</span>'
        return format_html(badge, face.tone, face.icon, face.text)

    @admin.display(description="where it stands, and why")
    def stands(self, run: Run) -> SafeString:
        reason = Truncator(run.reason).chars(REASON_SHOWN)
        return format_html('{}<small title="{}">{}</small>', runpage.where(run), run.reason, reason)

    @admin.display(description="age")
    def age(self, run: Run) -> str:
        if run.finished_at is not None:
            return f"took {say(run.finished_at - run.created_at)}"
        return say(_read_at(run) - run.created_at)

    @admin.display(description="next look")
    def next_look(self, run: Run) -> str:
        if run.status == RunStatus.STUCK:
            return "yours"
        if run.wake_at is None:
            return "—"
        left = run.wake_at - _read_at(run)
        return f"in {say(left)}" if left.total_seconds() > 0 else f"overdue by {say(left)}"

    # --- The page of a run -----------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The run's page; it changes nothing."""
        run = self.get_object(request, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        verbs = [verb for verb in _permitted(request) if desk.allowed(run, verb.name)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": run.subject or run.key,
            "page": runpage.load(run),
            "verbs": verbs,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "sagas/run.html", context)

    # --- The desk --------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        desk_view = self.admin_site.admin_view(self.desk_view)
        return [path("desk/<str:verb>/", desk_view, name="sagas_desk"), *super().get_urls()]

    def desk_view(self, request: HttpRequest, verb: str) -> HttpResponse:
        """Confirmation of an act (GET with ?run=<id>), and the act itself (POST)."""
        return deskpage.act(self, request, verb)

    def get_actions(self, request: HttpRequest) -> Any:
        """The desk's verbs for the runs that are ticked; each leads to the same confirmation."""
        return {verb.name: (_bulk(verb), verb.name, f"{verb.title} …") for verb in _permitted(request)}


def _read_at(run: Run) -> datetime:
    """PostgreSQL's time at which the list was read: due times are measured by it."""
    return run.read_at  # type: ignore[attr-defined,no-any-return]


def _permitted(request: HttpRequest) -> list[desk.Verb]:
    return [verb for verb in desk.VERBS.values() if request.user.has_perm(verb.permission)]


def _bulk(verb: desk.Verb) -> Callable[[RunAdmin, HttpRequest, QuerySet[Run]], HttpResponse]:
    def ask(model_admin: RunAdmin, request: HttpRequest, chosen: QuerySet[Run]) -> HttpResponse:
        return deskpage.confirm(model_admin, request, verb, chosen)

    return ask


@admin.register(Act)
class ActAdmin(ReadOnlyAdmin):
    """Everything that people did, newest first."""

    list_display = ("at", "actor_name", "verb", "run_link", "reason")
    list_display_links = None
    list_filter = ("verb",)
    search_fields = ("=actor_name", "run__subject")
    search_help_text = "A user name in full, or a part of an order number or e-mail."
    list_select_related = ("run",)
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description="run")
    def run_link(self, act: Act) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:sagas_run_change", args=[act.run_id]), act.run)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """An act is read on its run's page."""
        act = self.get_object(request, object_id)
        if act is None or not self.has_view_permission(request, act):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:sagas_run_change", args=[act.run_id]))
