"""The saved views above the run list, and what their forms send: save, rename, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from ..desk import saved_views
from ..desk.saved_views import ViewRefused
from ..models import SavedView

if TYPE_CHECKING:
    from .runs import RunAdmin

LIST = "admin:sagas_run_changelist"


@dataclass(frozen=True, slots=True)
class Views:
    """What stands above the list."""

    all: list[SavedView]
    query: str
    """What would be saved of the list at hand."""
    opened: SavedView | None
    """The view that the list at hand is; a person's own before a shared one."""
    may_change: bool
    """Whether that view may be renamed and deleted."""
    may_share: bool


def above(request: HttpRequest) -> Views:
    """The views for the list at hand."""
    found = list(saved_views.visible(request.user))
    try:
        query = saved_views.kept_query(request.GET.urlencode())
    except ViewRefused:  # the form says it, should somebody save it
        query = request.GET.urlencode()
    same = [view for view in found if view.query == query]
    opened = min(same, key=lambda view: view.owner_id != request.user.pk, default=None)
    changeable = opened is not None and saved_views.may_change(request.user, opened)
    return Views(found, query, opened, changeable, request.user.has_perm(saved_views.MAY_SHARE))


def urls(model_admin: RunAdmin) -> list[URLPattern]:
    """The addresses of the forms."""

    def view(change: Callable[..., SavedView]) -> Callable[..., HttpResponse]:
        @require_POST
        def answer(request: HttpRequest, pk: int | None = None) -> HttpResponse:
            return _answer(model_admin, request, change, pk)

        return model_admin.admin_site.admin_view(answer)

    return [
        path("views/save/", view(_save), name="sagas_view_save"),
        path("views/<int:pk>/rename/", view(_rename), name="sagas_view_rename"),
        path("views/<int:pk>/delete/", view(_delete), name="sagas_view_delete"),
    ]


def _answer(
    model_admin: RunAdmin, request: HttpRequest, change: Callable[..., SavedView], pk: int | None
) -> HttpResponse:
    """Do it and go back to the list. 403 for who may not see runs, 404 for a view that is not there for the person."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    try:
        view = change(request, pk)
    except SavedView.DoesNotExist as error:
        raise Http404("There is no such view: it may have been deleted.") from error
    except ViewRefused as error:
        messages.error(request, f"Nothing was saved. {error}")
        return _to_list(request.POST.get("query", ""))
    return _to_list(view.query)


def _to_list(query: str) -> HttpResponse:
    """The list of that query, as far as it is one."""
    known = [(name, value) for name, value in QueryDict(query).items() if name in saved_views.FIELDS]
    return HttpResponseRedirect(f"{reverse(LIST)}?{urlencode(known)}" if known else reverse(LIST))


def _save(request: HttpRequest, _pk: None) -> SavedView:
    given = request.POST
    shared = given.get("shared") == "on"
    view = saved_views.save(request.user, given.get("name", ""), given.get("query", ""), shared=shared)
    messages.success(request, f"Saved as “{view}”{', for all who may see runs' if view.shared else ''}.")
    return view


def _rename(request: HttpRequest, pk: int) -> SavedView:
    view = saved_views.rename(request.user, pk, request.POST.get("name", ""))
    messages.success(request, f"It is now named “{view}”.")
    return view


def _delete(request: HttpRequest, pk: int) -> SavedView:
    view = saved_views.delete(request.user, pk)
    messages.success(request, f"“{view}” is deleted; the list stays as it is.")
    return view
