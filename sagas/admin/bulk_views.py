"""The pages for a bulk act: preview, start, progress, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from outbox.messages import codec

from .. import desk
from ..desk import Filter, bulk_acts
from ..desk.acts import DoesNotFit
from ..desk.attributes import checked_conditions
from ..desk.outcomes import outcome_of
from ..desk.selection import count_groups, count_pivots_in_doubt
from ..engine.diagnosis import clock
from ..errors import SagaError
from ..models import BulkAct
from ..presentation.labels import BULK_BADGES
from . import act_views, filters
from .forms import BulkForm, form_for

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

GROUPS = 30
"""The most groups that the preview lists."""


def confirm_or_preview(model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb) -> HttpResponse:
    """The list's action: confirm it for one ticked run, or preview it for several ticked or all listed runs."""
    act_views.permitted_verb(model_admin, request, verb.name)
    ticked = request.POST.getlist("_selected_action")
    everything = request.POST.get("select_across") == "1"
    if len(ticked) == 1 and not everything:
        return act_views.confirm_page(model_admin, request, verb, ticked[0])
    return preview(model_admin, request, verb, _filter_of_list(request) if everything else _filter_of_ids(ticked))


def preview(
    model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb, chosen: Filter, form: Any = None
) -> HttpResponse:
    """The page that counts the matching runs by saga, step and code. It changes nothing."""
    found = count_groups(chosen)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": f"{verb.title}?",
        "verb": verb,
        "filter": chosen,
        "form": form or form_for(verb, None, BulkForm)(initial={"filter": codec.encode(chosen)}),
        "count": sum(group.count for group in found),
        "again": sum(group.again for group in found),
        "groups": found[:GROUPS],
        "unlisted": max(0, len(found) - GROUPS),
        "in_doubt": count_pivots_in_doubt(chosen) if verb.name == "compensate" else 0,
    }
    return TemplateResponse(request, "sagas/bulk.html", context)


def start(request: HttpRequest, model_admin: ModelAdmin[Any], name: str) -> HttpResponse:
    """Start the bulk act (POST) and redirect to its progress page; show the preview again when the form is invalid.

    GET with the query of a list: the preview of the act on all runs that the list shows. 404 for an act on single runs.
    """
    verb = act_views.permitted_verb(model_admin, request, name)
    if request.method != "POST":
        if not verb.many:
            raise Http404(f"{verb.title} is decided run by run.")
        return preview(model_admin, request, verb, _filter_of_list(request))
    form = form_for(verb, None, BulkForm)(request.POST)
    if not form.is_valid():
        return preview(model_admin, request, verb, _filter_of_form(form), form)
    given = dict(form.cleaned_data)
    try:
        bulk = bulk_acts.start_bulk(verb.name, given.pop("filter"), actor=request.user, **given)  # type: ignore[arg-type]
    except SagaError as error:
        messages.error(request, f"Nothing was done. {error}")
        return HttpResponseRedirect(reverse("admin:sagas_run_changelist"))
    return HttpResponseRedirect(reverse("admin:sagas_bulkact_change", args=[bulk.pk]))


def progress(model_admin: ModelAdmin[Any], request: HttpRequest, bulk: BulkAct) -> HttpResponse:
    """The page with the progress, and the skipped runs with reasons; it is read again in place."""
    verb = desk.VERBS[bulk.verb]
    left = max(0, bulk.total - bulk.done - bulk.skipped)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": f"{verb.title}: {bulk.total} runs",
        "bulk": bulk,
        "verb": verb,
        "badge": BULK_BADGES[BulkAct.State(bulk.state)],
        "filter": bulk_acts.filter_of(bulk),
        "left": left if bulk.ended_at is None else 0,
        "running": bulk.state == BulkAct.State.RUNNING,
        "unnamed": bulk.skipped - len(bulk.skips),
        "may_stop": request.user.has_perm(verb.permission),
        "now": clock(),
        "outcome": outcome_of(bulk),
    }
    return TemplateResponse(
        request, "sagas/progress_live.html" if "live" in request.GET else "sagas/progress.html", context
    )


@require_POST
def stop(request: HttpRequest, model_admin: ModelAdmin[Any], pk: int) -> HttpResponse:
    """Stop a bulk act. 403 without the verb's permission, 404 when there is none of that number."""
    bulk = BulkAct.objects.filter(pk=pk).first()
    if bulk is None:
        raise Http404(f"There is no bulk act {pk}.")
    if not (model_admin.has_view_permission(request) and request.user.has_perm(desk.VERBS[bulk.verb].permission)):
        raise PermissionDenied("You may not stop it.")
    try:
        bulk_acts.stop_bulk(pk, actor=request.user)  # type: ignore[arg-type]
    except SagaError as error:
        messages.warning(request, str(error))
    return HttpResponseRedirect(reverse("admin:sagas_bulkact_change", args=[pk]))


def _filter_of_list(request: HttpRequest) -> Filter:
    """The filter for all runs that the list shows, over all of its pages."""
    saga, _, step = request.GET.get("step", "").partition(".")
    after, before = filters.bounds(request.GET.get("age", ""))
    try:
        checked_conditions(filters.where_of(request))
    except DoesNotFit as error:
        raise Http404(str(error)) from error
    return Filter(
        status=filters.state_of(request),
        saga=request.GET.get("saga", "") or saga,
        step=step,
        code=request.GET.get("code", ""),
        waits_for=request.GET.get("waits", ""),
        text=request.GET.get("q", "").strip(),
        where=filters.where_of(request),
        accepted_after=after,
        accepted_before=before,
    )


def _filter_of_ids(ids: list[str]) -> Filter:
    try:
        return codec.decode(Filter, codec.encode({"status": "all", "ids": ids}))
    except ValueError as error:
        raise Http404("These are no runs' ids.") from error


def _filter_of_form(form: Any) -> Filter:
    chosen = form.cleaned_data.get("filter")
    if chosen is None:
        raise Http404("This page does not say which runs it is about; go back to the list.")
    return chosen  # type: ignore[no-any-return]
