"""The pages for an act on one run: confirm it, do it through `desk`, report the outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from .. import desk
from ..desk.acts import changed_since
from ..desk.input_changes import changed_input
from ..desk.second_person import needs_second_person
from ..errors import RecordingFailed, SagaError
from ..models import Run
from ..presentation import participant_labels
from ..presentation.labels import WHAT_FOLLOWS, readable, run_badge
from ..presentation.run_state import current_participant, current_step, pivot_in_doubt, where_it_is
from ..presentation.timeline import Change
from ..presentation.typed import input_changes
from .forms import Decision, DecisionForm, form_for

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


def act_view(model_admin: ModelAdmin[Any], request: HttpRequest, name: str) -> HttpResponse:
    """GET: the confirmation page of `?run=<id>`. POST: do the act and redirect. 403 without the permission."""
    verb = permitted_verb(model_admin, request, name)
    if request.method != "POST":
        return confirm_page(model_admin, request, verb, request.GET.get("run", ""))
    run = _get_run(request.POST.get("run", "").partition(":")[0])
    _refuse_stranger(verb, run, request)
    form = form_for(verb, run, DecisionForm)(request.POST)
    if not form.is_valid():
        decision = form.cleaned_data.get("run")
        if decision is not None and decision.row_version != run.row_version:  # it may be another step's form by now
            messages.error(request, _nothing_was_done(changed_since(verb.name)))
            return _afterwards(request, run.pk)
        return _page(model_admin, request, verb, form, run)
    if verb.name == "set_input" and (answer := _preview_input(model_admin, request, verb, form, run)) is not None:
        return answer
    return _carry_out(model_admin, request, verb, form, run)


def confirm_page(model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb, run_id: str) -> HttpResponse:
    """The confirmation page of an act on a run. It changes nothing."""
    run = _get_run(run_id)
    _refuse_stranger(verb, run, request)
    form = form_for(verb, run, DecisionForm)(initial={"run": f"{run.pk}:{run.row_version}"})
    return _page(model_admin, request, verb, form, run)


def permitted_verb(model_admin: ModelAdmin[Any], request: HttpRequest, name: str) -> desk.Verb:
    """The verb of that name. Raises Http404 when there is none, and PermissionDenied."""
    verb = desk.VERBS.get(name)
    if verb is None:
        raise Http404(f"There is no act named {name}.")
    if verb.who is None and not (model_admin.has_view_permission(request) and request.user.has_perm(verb.permission)):
        raise PermissionDenied(f"You may not {verb.title.lower()}.")
    return verb


def _refuse_stranger(verb: desk.Verb, run: Run, request: HttpRequest) -> None:
    """Raises PermissionDenied, with the reason, for a user who may not give the run this answer."""
    if verb.who is not None:
        try:
            verb.who(run, request.user)
        except SagaError as error:
            raise PermissionDenied(str(error)) from error


def _afterwards(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The run's page, or the inbox for somebody who may answer and see no runs."""
    if not request.user.has_perm("sagas.view_run"):
        return HttpResponseRedirect(reverse("admin:sagas_inbox"))
    return HttpResponseRedirect(reverse("admin:sagas_run_change", args=[run_id]))


def _preview_input(
    model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb, form: forms.Form, run: Run
) -> HttpResponse | None:
    """The page that shows the changes of the input; None when the operator has already seen these changes."""
    wanted = form.cleaned_data["changes"]
    shown = json.dumps(wanted, sort_keys=True)
    if request.POST.get("shown") == shown:
        return None
    try:
        new = changed_input(run, wanted)
    except SagaError as error:
        form.add_error(None, str(error))
        return _page(model_admin, request, verb, form, run)
    changes = input_changes(run, new)
    if not changes:
        form.add_error(None, "The new input is the same as the old one; there is nothing to change.")
    return _page(model_admin, request, verb, form, run, changes=changes, shown=shown if changes else "")


def _carry_out(
    model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb, form: forms.Form, run: Run
) -> HttpResponse:
    """Do the act, or propose it; what does not fit is shown again with what was typed."""
    given = dict(form.cleaned_data)
    decision: Decision = given.pop("run")
    actor: Any = request.user
    try:
        if needs_second_person(verb.name):
            return _propose(request, verb, decision, given)
        try:
            verb.do(decision.run_id, actor=actor, row_version=decision.row_version, **given)
        except desk.SecondPersonNeeded as needed:
            if request.POST.get("differs") != needed.why:  # not seen yet
                return _page(model_admin, request, verb, form, run, differs=needed.why)
            return _propose(request, verb, decision, given)
    except desk.EffectsDoubled as error:  # shown, with what was typed; sent again, it is confirmed
        form.data = {**dict(form.data.items()), "confirm": ",".join(error.steps)}
        return _page(model_admin, request, verb, form, run, doubled=error.steps)
    except (desk.DoesNotFit, RecordingFailed) as error:
        form.add_error(None, _nothing_was_done(error))
        return _page(model_admin, request, verb, form, run)
    except SagaError as error:  # mostly WrongState: the operator is told, and nothing is done
        messages.error(request, _nothing_was_done(error))
    else:  # the desk has recorded the act; this is for the user's list of recent actions
        model_admin.log_change(request, Run.objects.get(pk=run.pk), f"{verb.title}: {given['reason']}")
        messages.success(request, f"{verb.title}: done and recorded. {_what_follows(verb, decision.run_id)}")
    return _afterwards(request, decision.run_id)


def _propose(request: HttpRequest, verb: desk.Verb, decision: Decision, given: dict[str, Any]) -> HttpResponse:
    actor: Any = request.user
    proposal = desk.propose(verb.name, decision.run_id, actor=actor, row_version=decision.row_version, **given)
    differs = proposal.after.get("differs", "")
    words = f" It differs from what is expected: {differs}." if differs else ""
    messages.success(request, f"{verb.title}: proposed and recorded.{words} Somebody else must confirm it.")
    return _afterwards(request, decision.run_id)


def _nothing_was_done(error: SagaError) -> str:
    return f"Nothing was done. {str(error).removeprefix('Nothing was done: ')}"


def _what_follows(verb: desk.Verb, run_id: UUID) -> str:
    """A sentence on what happens next. Reads the run again, since the act may have ended it."""
    run = Run.objects.prefetch_related("steps").get(pk=run_id)
    if run.finished_at is not None and verb.name not in ("resolve", "again"):
        return "Nothing had to be undone: the run is over." if verb.name == "compensate" else "The run is over."
    step, participant = current_step(run), current_participant(run)
    waits = verb.name in ("retry", "skip", "resume") and participant_labels.is_away(participant)
    words = WHAT_FOLLOWS["away" if waits else verb.name]
    return words.format(step=readable(step.name).lower() if step else "the step", participant=participant)


def _get_run(run_id: str) -> Run:
    try:
        return Run.objects.prefetch_related("steps").get(pk=UUID(run_id))
    except (ValueError, Run.DoesNotExist) as error:
        raise Http404(f"There is no run {run_id}.") from error


def _page(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    verb: desk.Verb,
    form: forms.Form,
    run: Run,
    *,
    changes: list[Change] | None = None,
    shown: str = "",
    differs: str = "",
    doubled: Sequence[str] = (),
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": f"{verb.title}?",
        "verb": verb,
        "form": form,
        "run": run,
        "badge": run_badge(run),
        "where": where_it_is(run),
        "waits": participant_labels.wait_sentence(run),
        "in_doubt": verb.name == "compensate" and pivot_in_doubt(run),
        "changes": changes,
        "shown": shown,
        "differs": differs,
        "doubled": [readable(name) for name in doubled],
        "second": needs_second_person(verb.name) or bool(differs),
        "button": "Show what changes" if verb.name == "set_input" and not shown else verb.title,
    }
    return TemplateResponse(request, "sagas/confirm.html", context)
