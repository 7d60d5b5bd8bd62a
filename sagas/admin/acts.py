"""The lists of acts and of bulk acts in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from ..desk import VERBS
from ..desk.proposals import PROPOSE
from ..desk.selection import search_condition
from ..models import Act, BulkAct, Run
from ..presentation.labels import BULK_BADGES, readable
from ..presentation.timeline import changes_of
from . import bulk_views
from .base import ReadOnlyAdmin, badge_html, said_at

NEWEST_RUNS = 1_000  # runs whose acts a search finds


class VerbFilter(admin.SimpleListFilter):
    """Filters by verb. The choices come from the declared verbs, not from the table."""

    title, parameter_name = "verb", "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, readable(name)) for name in (*VERBS, *(f"{PROPOSE}{name}" for name in VERBS))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(verb=self.value()) if self.value() else queryset


@admin.register(Act)
class ActAdmin(ReadOnlyAdmin):
    """All acts, the newest first."""

    list_display = ("when", "what", "run_link", "changed")
    list_display_links = None
    list_filter = (VerbFilter,)
    search_fields = ("actor_name", "run__subject")  # turns the search on; `get_search_results` does it
    search_help_text = f"A user name in full, or a part of an order number or e-mail, of the newest {NEWEST_RUNS} runs."
    list_select_related = ("run",)
    ordering = ("-id",)
    sortable_by = ()

    class Media:
        css = {"all": ["sagas/desk.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The acts of the person of that name; if there are none, the acts on runs with that subject."""
        term = search_term.strip()
        if not term:
            return queryset, False
        theirs = queryset.filter(actor_name__iexact=term)
        if theirs.order_by()[:1].exists():
            return theirs, False
        runs = Run.objects.filter(search_condition(term)).order_by("-pk").values_list("pk", flat=True)[:NEWEST_RUNS]
        return queryset.filter(run__in=list(runs)), False

    @admin.display(description="when, and who")
    def when(self, act: Act) -> SafeString:
        return format_html("{}<small>{}</small>", said_at(act.at), act.actor_name)

    @admin.display(description="what, and why")
    def what(self, act: Act) -> SafeString:
        return format_html("{}<small>{}</small>", readable(act.verb), act.reason)

    @admin.display(description="run")
    def run_link(self, act: Act) -> SafeString:
        url, run = reverse("admin:sagas_run_change", args=[act.run_id]), act.run
        return format_html('<a href="{}">{}</a><small>{}</small>', url, run.subject or run.key, run.name)

    @admin.display(description="before → after")
    def changed(self, act: Act) -> SafeString:
        lines = ((change.name, change.before, change.after) for change in changes_of(act))
        return format_html_join("", "<small>{}: {} → {}</small>", lines)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """Redirect to the page of the act's run, which shows it."""
        act = self.get_object(request, object_id)
        if act is None or not self.has_view_permission(request, act):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:sagas_run_change", args=[act.run_id]))


@admin.register(BulkAct)
class BulkActAdmin(ReadOnlyAdmin):
    """Bulk acts and their progress. Whoever may see runs may see them."""

    list_display = ("when", "what", "state_badge", "progress")
    ordering = ("-id",)
    sortable_by = ()
    list_filter = ("state", VerbFilter)

    class Media:
        css = {"all": ["sagas/desk.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("sagas.view_run")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.display(description="when, and who")
    def when(self, bulk: BulkAct) -> SafeString:
        return format_html("{}<small>{}</small>", said_at(bulk.created_at), bulk.actor_name)

    @admin.display(description="what, and why")
    def what(self, bulk: BulkAct) -> SafeString:
        return format_html("{}<small>{}</small>", readable(bulk.verb), bulk.reason)

    @admin.display(description="state")
    def state_badge(self, bulk: BulkAct) -> SafeString:
        return badge_html(BULK_BADGES[BulkAct.State(bulk.state)])

    @admin.display(description="runs")
    def progress(self, bulk: BulkAct) -> str:
        return f"{bulk.done} done, {bulk.skipped} skipped, of {bulk.total}"

    def get_urls(self) -> list[URLPattern]:
        stop = self.admin_site.admin_view(self.stop_view)
        return [path("<int:pk>/stop/", stop, name="sagas_bulkact_stop"), *super().get_urls()]

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop a bulk act (POST)."""
        return bulk_views.stop(request, self, pk)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """The progress page of a bulk act."""
        bulk = self.get_object(request, object_id)
        if not self.has_view_permission(request, bulk):
            raise PermissionDenied
        if bulk is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        return bulk_views.progress(self, request, bulk)
