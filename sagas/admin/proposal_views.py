"""The page of the second person: what was proposed, by whom and why; confirm it or reject it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from ..desk.proposals import PROPOSE, confirm, reject, verb_of
from ..errors import SagaError
from ..models import Act
from ..presentation.labels import run_badge
from ..presentation.run_state import where_it_is
from ..presentation.typed import given_rows
from .base import pretty_json
from .forms import ReasonForm

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

ANSWERS: dict[str, Callable[..., None]] = {"confirm": confirm, "reject": reject}


def answer(model_admin: ModelAdmin[Any], request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """GET: show the proposal. POST: confirm or reject it, by `name`. 403 without the proposed act's permission."""
    proposal = Act.objects.filter(pk=pk, verb__startswith=PROPOSE).select_related("run").first()
    if proposal is None or name not in ANSWERS:
        raise Http404("There is no such proposal.")
    if not (model_admin.has_view_permission(request) and verb_of(proposal).permits(request.user, proposal.run)):
        raise PermissionDenied("You may not decide on this.")
    form = ReasonForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(model_admin, request, proposal, name, form)
    try:
        ANSWERS[name](pk, actor=request.user, **form.cleaned_data)
    except SagaError as error:
        messages.error(request, f"Nothing was done. {error}")
    else:
        words = {"confirm": "Confirmed: done and recorded.", "reject": "Rejected: nothing was done."}
        messages.success(request, words[name])
    return HttpResponseRedirect(reverse("admin:sagas_run_change", args=[proposal.run_id]))


def _page(
    model_admin: ModelAdmin[Any], request: HttpRequest, proposal: Act, name: str, form: ReasonForm
) -> HttpResponse:
    verb = verb_of(proposal)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": f"{name.capitalize()} the proposal: {verb.title}?",
        "verb": verb,
        "proposal": proposal,
        "given": given_rows(proposal),
        "json": pretty_json(proposal.after["given"]) if proposal.after["given"] else "",
        "differs": proposal.after.get("differs", ""),
        "form": form,
        "run": proposal.run,
        "badge": run_badge(proposal.run),
        "where": where_it_is(proposal.run),
        "name": name,
    }
    return TemplateResponse(request, "sagas/proposal.html", context)
